"""What operators see. Verbs change something by POST only; a GET leads to the page with the button, such as
after a new login."""

from django.urls import path

from rida.console import campaigns, entry, home, identities, imports, launches, networks, out, people, town

urlpatterns = [
    path("", home.home, name="home"),
    path("login", entry.login, name="login"),
    path("logout", entry.logout, name="logout"),
    path("first/<str:token>", entry.first, name="first"),
    path("imports", imports.index, name="imports"),
    path("imports/columns", imports.columns, name="import_columns"),
    path("imports/<int:import_id>", imports.show, name="import"),
    path("imports/<int:import_id>/refused", imports.refused, name="import_refused"),
    path("people", people.index, name="people"),
    path("people/<int:contact_id>", people.show, name="person"),
    path("topics", people.topics_page, name="topics"),
    path("senders", identities.index, name="identities"),
    path("senders/new", identities.edit, name="identity_new"),
    path("senders/<int:identity_id>", identities.edit, name="identity"),
    path("campaigns", campaigns.index, name="campaigns"),
    path("campaigns/new", campaigns.edit, name="campaign_new"),
    path("campaigns/<int:campaign_id>", campaigns.edit, name="campaign"),
    path("campaigns/<int:campaign_id>/copy", campaigns.copy, name="campaign_copy"),
    path("campaigns/<int:campaign_id>/preview", campaigns.preview_page, name="campaign_preview"),
    path("campaigns/<int:campaign_id>/preview/html", campaigns.preview_html, name="campaign_html"),
    path("campaigns/<int:campaign_id>/test", campaigns.test, name="campaign_test"),
    path("campaigns/<int:campaign_id>/preflight", campaigns.preflight, name="preflight"),
    path("campaigns/<int:campaign_id>/launch", campaigns.start, name="campaign_launch"),
    path("launches/<int:launch_id>", launches.show, name="launch"),
    path("launches/<int:launch_id>/<str:change>", launches.change, name="launch_change"),
    path("networks", networks.index, name="networks"),
    path("networks/<int:network_id>/hold", networks.hold_page, name="network_hold"),
    path("networks/<int:network_id>/release", networks.release_now, name="network_release"),
    path("out", out.page, name="out"),
    path("out/relay", out.relay, name="out_relay"),
    path("out/direct", out.direct, name="out_direct"),
    path("out/take", out.take, name="out_take"),
    path("out/check", out.check, name="out_check"),
    path("out/send", out.send, name="out_send"),
    path("out/trial", out.trial, name="out_trial"),
    path("out/approve", out.approval, name="out_approve"),
    path("out/back", out.back, name="out_back"),
    path("town", town.index, name="town"),
    path("town/letter/<path:letter_id>/html", town.letter_html, name="town_html"),
    path("town/letter/<path:letter_id>", town.letter, name="town_letter"),
]

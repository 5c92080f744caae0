# The verdict of Perl's Mail::DKIM on each message of a folder: `NAME<tab>RESULT` a line. No network: DNS is what the
# arguments say.
# perl verify.pl FOLDER KEY_NAME TXT_STRING...
use strict;
use warnings;
use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Net::DNS;

my ($folder, $key_name, @strings) = @ARGV;

package Zone {
    sub send {
        my ($self, $name, $type) = @_;
        my $answer = Net::DNS::Packet->new($name, $type);
        $answer->header->rcode($name eq $key_name ? 'NOERROR' : 'NXDOMAIN');
        $answer->push(answer => Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => \@strings))
            if $name eq $key_name && $type eq 'TXT';
        return $answer;
    }
    sub errorstring { 'NXDOMAIN' }
}

Mail::DKIM::DNS::resolver(bless {}, 'Zone');
for my $path (sort glob("$folder/*")) {
    open(my $file, '<:raw', $path) or die "$path: $!";
    local $/ = undef;
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT(<$file>);
    $verifier->CLOSE;
    print $path =~ s{.*/}{}r, "\t", $verifier->result, "\n";
}

# Runs in the guest. Every rule needs modules that the kernel asks modprobe for.
exec >/dev/console 2>&1

try() {
  if "$@"; then echo "TRIED ok: $*"; else echo "TRIED failed: $*"; fi
}

for tool in iptables ip6tables; do
  try $tool -A INPUT -p tcp --dport 99 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
  try $tool -A INPUT -m comment --comment hello -j DROP
  try $tool -A INPUT -m limit --limit 1/s -j LOG
  try $tool -A INPUT -m state --state NEW -j ACCEPT
  try $tool -A INPUT -m mark --mark 1 -j ACCEPT
  try $tool -A OUTPUT -m owner --uid-owner 1 -j REJECT
  try $tool -A INPUT -p tcp -m multiport --dports 1,2 -j ACCEPT
  try $tool -A INPUT -m addrtype --dst-type LOCAL -j ACCEPT
  try $tool -t nat -A POSTROUTING -o lo -j MASQUERADE
  try $tool -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080
  try $tool -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
  try $tool -t mangle -A PREROUTING -j CONNMARK --restore-mark
done
try iptables -A INPUT -p icmp -j DROP
try iptables -t nat -A PREROUTING -p tcp --dport 81 -j DNAT --to-destination 10.0.0.1:80
try ip6tables -A INPUT -p icmpv6 -j DROP
try modprobe nf_conntrack_netlink
try modprobe macvlan
if modprobe not_there; then echo "TRIED failed: modprobe finds what is not there"; fi
echo "TRIED all"

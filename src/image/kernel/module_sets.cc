#include "image/kernel/module_sets.h"

#include <algorithm>

namespace inro::image {
namespace {

constexpr ModuleSet kSets[] = {
    {"vsock", "the agent's connection to the host over virtio PCI",
     // virtio_ring before virtio: Debian's 6.1 kernel wants it so.
     "virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_mmio vsock "
     "vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport",
     true, true},
    {"nested-root", "an EROFS body inside an initrd, below a tmpfs overlay",
     "libcrc32c erofs loop overlay", true, true},
    {"overlay", "a tmpfs overlay on a read-only root", "overlay", true, true},
    {"storage", "disks, shared folders and persistent memory",
     "virtio_blk virtio_scsi fuse virtiofs libnvdimm nd_btt nfit nd_pmem virtio_pmem 9pnet_virtio "
     "9p",
     false, false},
    {"net", "network interfaces", "failover net_failover virtio_net veth bridge", false, false},
    {"firewall", "iptables (nft) with NAT and connection tracking",
     "libcrc32c nfnetlink nf_tables x_tables nft_compat nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack "
     "nf_nat "
     "nft_chain_nat nft_ct nft_nat nft_masq nft_redir nft_reject nft_reject_inet nft_log nft_limit "
     "xt_MASQUERADE xt_conntrack xt_addrtype xt_comment xt_mark xt_multiport xt_nat xt_tcpudp "
     "xt_REDIRECT xt_LOG xt_limit xt_state ipt_REJECT ip6t_REJECT ip_tables ip6_tables "
     "iptable_filter iptable_nat ip6table_filter ip6table_nat br_netfilter nft_reject_ipv4 "
     "nft_reject_ipv6 nf_conntrack_netlink xt_owner xt_connmark xt_TCPMSS",
     false, false},
    {"time", "the host's clock", "ptp ptp_kvm", false, false},
    {"devices", "random numbers, memory balloon, console, memory hot-plug",
     "virtio_rng virtio_balloon virtio_console virtio_mem", false, false},
    {"extensions", "guest extension images: EROFS on a verified virtio disk",
     "virtio_blk dm_mod dm_bufio dm_verity libcrc32c erofs", false, false},
    {"systemd", "what systemd asks for", "autofs4", false, false},
    {"containers", "what container runtimes ask for", "overlay veth bridge tun macvlan ipvlan",
     false, false},
};

struct Option {
  std::string_view module;
  std::string_view option;
};
constexpr Option kOptions[] = {
    {"virtio", "VIRTIO"},
    {"virtio_ring", "VIRTIO"},
    {"virtio_pci", "VIRTIO_PCI"},
    {"virtio_pci_modern_dev", "VIRTIO_PCI_LIB"},
    {"virtio_pci_legacy_dev", "VIRTIO_PCI_LIB_LEGACY"},
    {"virtio_mmio", "VIRTIO_MMIO"},
    {"vsock", "VSOCKETS"},
    {"vmw_vsock_virtio_transport", "VIRTIO_VSOCKETS"},
    {"vmw_vsock_virtio_transport_common", "VIRTIO_VSOCKETS_COMMON"},
    {"libcrc32c", "LIBCRC32C"},
    {"erofs", "EROFS_FS"},
    {"loop", "BLK_DEV_LOOP"},
    {"overlay", "OVERLAY_FS"},
    {"ext4", "EXT4_FS"},
    {"nvme", "BLK_DEV_NVME"},
    {"virtio_blk", "VIRTIO_BLK"},
    {"virtio_scsi", "SCSI_VIRTIO"},
    {"fuse", "FUSE_FS"},
    {"virtiofs", "VIRTIO_FS"},
    {"libnvdimm", "LIBNVDIMM"},
    {"nd_btt", "ND_BTT"},
    {"nfit", "ACPI_NFIT"},
    {"nd_pmem", "BLK_DEV_PMEM"},
    {"virtio_pmem", "VIRTIO_PMEM"},
    {"9p", "9P_FS"},
    {"9pnet_virtio", "NET_9P_VIRTIO"},
    {"failover", "FAILOVER"},
    {"net_failover", "NET_FAILOVER"},
    {"virtio_net", "VIRTIO_NET"},
    {"veth", "VETH"},
    {"bridge", "BRIDGE"},
    {"tun", "TUN"},
    {"macvlan", "MACVLAN"},
    {"ipvlan", "IPVLAN"},
    {"nfnetlink", "NETFILTER_NETLINK"},
    {"nf_tables", "NF_TABLES"},
    {"x_tables", "NETFILTER_XTABLES"},
    {"nft_compat", "NFT_COMPAT"},
    {"nf_conntrack", "NF_CONNTRACK"},
    {"nf_nat", "NF_NAT"},
    {"nf_defrag_ipv4", "NF_DEFRAG_IPV4"},
    {"nf_defrag_ipv6", "NF_DEFRAG_IPV6"},
    {"ptp", "PTP_1588_CLOCK"},
    {"ptp_kvm", "PTP_1588_CLOCK_KVM"},
    {"virtio_rng", "HW_RANDOM_VIRTIO"},
    {"virtio_balloon", "VIRTIO_BALLOON"},
    {"virtio_console", "VIRTIO_CONSOLE"},
    {"virtio_mem", "VIRTIO_MEM"},
    {"autofs4", "AUTOFS_FS"},
    {"autofs", "AUTOFS_FS"},
    {"squashfs", "SQUASHFS"},
    {"xfs", "XFS_FS"},
    {"dm_verity", "DM_VERITY"},
    {"dm_mod", "BLK_DEV_DM"},
    {"dm_bufio", "DM_BUFIO"},
};

}  // namespace

std::span<const ModuleSet> ModuleSets() { return kSets; }

const ModuleSet* FindModuleSet(std::string_view name) {
  const auto at = std::ranges::find(kSets, name, &ModuleSet::name);
  return at == std::end(kSets) ? nullptr : &*at;
}

std::vector<std::string> ModulesOf(const std::vector<std::string>& sets) {
  std::vector<std::string> modules;
  for (const std::string& name : sets) {
    const ModuleSet* set = FindModuleSet(name);
    if (set == nullptr) continue;
    std::string_view rest = set->modules;
    while (!rest.empty()) {
      const std::size_t end = rest.find(' ');
      const std::string module(rest.substr(0, end));
      if (std::ranges::find(modules, module) == modules.end()) modules.push_back(module);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
  return modules;
}

std::string_view ConfigOptionOf(std::string_view module) {
  const auto at = std::ranges::find(kOptions, module, &Option::module);
  return at == std::end(kOptions) ? std::string_view() : at->option;
}

}  // namespace inro::image

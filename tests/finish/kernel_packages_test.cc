// Modules of real kernel packages: the closure, the load order and the indexes are those of
// Debian's kmod and depmod. Bookworm's modules are plain, trixie's are compressed.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

#include "debian_trees.h"
#include "image/kernel/kernel.h"
#include "image/kernel/module_sets.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

// The kernel package alone, without what it depends on (an initrd builder).
Result<SourceTree> FetchKernel(const std::string& suite) {
  SilentProgress progress;
  INRO_ASSIGN(AptArchive archive, AptArchive::Open(OptionsFor(suite, {}), progress));
  INRO_ASSIGN(std::vector<Package> packages, archive.Resolve({"linux-image-cloud-amd64"}, {}));
  std::erase_if(packages,
                [](const Package& package) { return !package.name.starts_with("linux-image-"); });
  return archive.Unpack(packages, progress);
}

std::vector<std::string> AllModules() {
  std::vector<std::string> sets;
  for (const ModuleSet& set : ModuleSets()) sets.emplace_back(set.name);
  return ModulesOf(sets);
}

// The folder with the selected modules as `root`/lib/modules/RELEASE, with or without our indexes.
Result<> WriteModules(const Kernel& kernel, const std::string& root, bool with_indexes) {
  static const std::set<std::string> kKept = {"modules.order", "modules.builtin",
                                              "modules.builtin.modinfo"};
  for (const auto& [path, node] : kernel.modules.nodes()) {
    if (!path.starts_with("usr/lib/modules/")) continue;
    const std::string to = root + path.substr(std::string("usr").size());
    if (node.type == NodeType::kDirectory) {
      INRO_TRY(sys::MakeDirectories(to));
      continue;
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    if (!with_indexes && name.starts_with("modules.") && !kKept.contains(name)) continue;
    INRO_TRY(sys::WriteFile(to, node.content.view()));
  }
  return {};
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// The lines without comments, sorted: depmod writes them in the order of a hash table.
std::vector<std::string> SortedLines(const std::string& text) {
  std::vector<std::string> lines = Lines(text);
  std::erase_if(lines, [](const std::string& line) { return line[0] == '#'; });
  std::ranges::sort(lines);
  return lines;
}

// What `modprobe --show-depends` would load, as module names in order.
Result<std::vector<std::string>> ShowDepends(const std::string& root, const std::string& release,
                                             const std::string& alias) {
  INRO_ASSIGN(const std::string text, sys::RunOrFail({"/sbin/modprobe", "-C", root, "-d", root,
                                                      "-S", release, "--show-depends", alias}));
  std::vector<std::string> names;
  for (std::string line : Lines(text)) {
    line.resize(line.find_last_not_of(' ') + 1);
    std::string name = line.substr(line.rfind('/') + 1);
    const std::size_t suffix = name.rfind(".ko");
    if (suffix == std::string::npos) continue;  // "builtin NAME"
    name.resize(suffix);
    std::ranges::replace(name, '-', '_');
    names.push_back(name);
  }
  return names;
}

class KernelPackages : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!sys::Exists("/sbin/depmod")) GTEST_SKIP() << "kmod is not installed";
    auto package = FetchKernel(GetParam());
    if (!package) GTEST_SKIP() << "no mirror: " << package.error().ToString();
    auto kernel = SelectKernel(package->tree, AllModules());
    ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
    kernel_ = std::move(*kernel);
    package_ = std::move(package->tree);
    auto folder = sys::TempDir::Create("modules");
    ASSERT_TRUE(folder.has_value());
    folder_ = std::move(*folder);
    ours_ = folder_->path() + "/ours";
    theirs_ = folder_->path() + "/theirs";
    ASSERT_TRUE(WriteModules(kernel_, ours_, true).has_value());
    ASSERT_TRUE(WriteModules(kernel_, theirs_, false).has_value());
    const auto ran = sys::RunOrFail({"/sbin/depmod", "-b", theirs_, kernel_.file.release});
    ASSERT_TRUE(ran.has_value()) << ran.error().ToString();
  }

  std::string Index(const std::string& root, const std::string& name) const {
    const auto text =
        sys::ReadFile(root + "/lib/modules/" + kernel_.file.release + "/modules." + name);
    EXPECT_TRUE(text.has_value()) << name;
    return text ? *text : "";
  }

  Tree package_;
  Kernel kernel_;
  std::optional<sys::TempDir> folder_;
  std::string ours_;
  std::string theirs_;
};

TEST_P(KernelPackages, HaveDepmodsIndexes) {
  for (const char* name :
       {"dep.bin", "alias.bin", "symbols.bin", "builtin.bin", "builtin.alias.bin"}) {
    const std::string ours = Index(ours_, name);
    const std::string theirs = Index(theirs_, name);
    const auto differ = std::ranges::mismatch(ours, theirs);
    EXPECT_TRUE(ours == theirs) << "modules." << name << " differs at byte "
                                << differ.in1 - ours.begin() << ": " << ours.size() << " and "
                                << theirs.size() << " bytes";
  }
  for (const char* name : {"dep", "alias", "symbols", "softdep", "devname"}) {
    EXPECT_EQ(SortedLines(Index(ours_, name)), SortedLines(Index(theirs_, name))) << name;
  }
}

TEST_P(KernelPackages, LoadAsModprobeLoads) {
  std::set<std::string> loaded;
  for (const GuestModule& module : kernel_.load_order) {
    const auto names = ShowDepends(ours_, kernel_.file.release, module.name);
    ASSERT_TRUE(names.has_value()) << module.name << ": " << names.error().ToString();
    ASSERT_FALSE(names->empty()) << module.name;
    EXPECT_EQ(names->back(), module.name);
    // Everything that modprobe would load first is earlier in our order.
    for (const std::string& name : *names) {
      EXPECT_TRUE(name == module.name || loaded.contains(name)) << module.name << ": " << name;
    }
    loaded.insert(module.name);
    const auto reference = ShowDepends(theirs_, kernel_.file.release, module.name);
    ASSERT_TRUE(reference.has_value()) << reference.error().ToString();
    EXPECT_EQ(*names, *reference) << module.name;
    const Node* node = kernel_.modules.Find(module.path);
    ASSERT_NE(node, nullptr) << module.path;
    EXPECT_TRUE(
        node->content.view().starts_with("\x7f"
                                         "ELF"))
        << module.path;
  }
  EXPECT_GT(loaded.size(), 60U);
}

// The names under which the kernel and iptables ask for modules, with what one of which they must
// get: what is built into one kernel, or belongs to one module, is another in the next.
TEST_P(KernelPackages, AnswerWhatTheFirewallAsksFor) {
  const std::pair<const char*, const char*> kAsked[] = {
      {"net-pf-16-proto-12", "nfnetlink"},
      {"nfnetlink-subsys-10", "nf_tables"},
      {"nfnetlink-subsys-11", "nft_compat"},
      {"nfnetlink-subsys-1", "nf_conntrack_netlink"},
      {"nft-expr-match", "nft_compat"},
      {"nft-expr-target", "nft_compat"},
      {"nft-expr-ct", "nft_ct"},
      {"nft-expr-nat", "nft_nat"},
      {"nft-expr-masq", "nft_masq"},
      {"nft-expr-limit", "nft_limit"},
      {"nft-expr-log", "nft_log"},
      {"nft-expr-2-reject", "nft_reject_ipv4"},
      {"nft-expr-10-reject", "nft_reject_ipv6"},
      {"nft-chain-2-nat", "nft_chain_nat"},
      {"nft-chain-10-nat", "nft_chain_nat"},
      {"ipt_MASQUERADE", "xt_MASQUERADE"},
      {"ipt_SNAT", "xt_nat"},
      {"ipt_DNAT", "xt_nat"},
      {"ipt_REJECT", "ipt_REJECT"},
      {"ip6t_REJECT", "ip6t_REJECT"},
      {"ipt_LOG", "xt_LOG"},
      {"ipt_conntrack", "xt_conntrack"},
      {"ipt_state", "xt_state xt_conntrack"},
      {"ipt_limit", "xt_limit"},
      {"ipt_comment", "xt_comment"},
      {"ipt_mark", "xt_mark"},
      {"ipt_MARK", "xt_mark"},
      {"ipt_multiport", "xt_multiport"},
      {"ipt_addrtype", "xt_addrtype"},
      {"ipt_tcp", "xt_tcpudp"},
      {"ipt_udp", "xt_tcpudp"},
      {"ipt_icmp", "ip_tables xt_tcpudp"},
      {"ip6t_icmp6", "ip6_tables xt_tcpudp"},
      {"ipt_REDIRECT", "xt_REDIRECT"},
      {"ipt_owner", "xt_owner"},
      {"ipt_connmark", "xt_connmark"},
      {"ipt_TCPMSS", "xt_TCPMSS"},
      {"fs-overlay", "overlay"},
      {"fs-erofs", "erofs"},
      {"fs-virtiofs", "virtiofs"},
      {"fs-fuse", "fuse"},
      {"rtnl-link-veth", "veth"},
      {"rtnl-link-bridge", "bridge"},
  };
  for (const auto& [alias, modules] : kAsked) {
    const auto names = ShowDepends(ours_, kernel_.file.release, alias);
    ASSERT_TRUE(names.has_value()) << alias << ": " << names.error().ToString();
    const auto answers = [&](const std::string& module) {
      const bool built_in = std::ranges::find(kernel_.built_in, module) != kernel_.built_in.end();
      return built_in || std::ranges::find(*names, module) != names->end();
    };
    std::istringstream wanted(modules);
    const bool answered = std::any_of(std::istream_iterator<std::string>(wanted), {}, answers);
    EXPECT_TRUE(answered) << alias << " does not load " << modules;
  }
}

INSTANTIATE_TEST_SUITE_P(Debian, KernelPackages, testing::Values("bookworm", "trixie"),
                         [](const auto& suite) { return suite.param; });

}  // namespace
}  // namespace inro::image

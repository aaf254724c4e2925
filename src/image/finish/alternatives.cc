#include "image/finish/alternatives.h"

#include <charconv>
#include <map>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr std::string_view kWhichSlaves =
    "/usr/share/man/man1/which.1.gz which.1.gz /usr/share/man/man1/which.debianutils.1.gz "
    "/usr/share/man/de/man1/which.1.gz which.de1.gz /usr/share/man/de/man1/which.debianutils.1.gz "
    "/usr/share/man/es/man1/which.1.gz which.es1.gz /usr/share/man/es/man1/which.debianutils.1.gz "
    "/usr/share/man/fr/man1/which.1.gz which.fr1.gz /usr/share/man/fr/man1/which.debianutils.1.gz "
    "/usr/share/man/it/man1/which.1.gz which.it1.gz /usr/share/man/it/man1/which.debianutils.1.gz "
    "/usr/share/man/ja/man1/which.1.gz which.ja1.gz /usr/share/man/ja/man1/which.debianutils.1.gz "
    "/usr/share/man/pl/man1/which.1.gz which.pl1.gz /usr/share/man/pl/man1/which.debianutils.1.gz "
    "/usr/share/man/sl/man1/which.1.gz which.sl1.gz /usr/share/man/sl/man1/which.debianutils.1.gz";

constexpr DeclaredAlternative kDeclared[] = {
    {"iptables", "/usr/sbin/iptables", "iptables", "/usr/sbin/iptables-legacy", 10,
     "/usr/sbin/iptables-restore iptables-restore /usr/sbin/iptables-legacy-restore "
     "/usr/sbin/iptables-save iptables-save /usr/sbin/iptables-legacy-save"},
    {"iptables", "/usr/sbin/ip6tables", "ip6tables", "/usr/sbin/ip6tables-legacy", 10,
     "/usr/sbin/ip6tables-restore ip6tables-restore /usr/sbin/ip6tables-legacy-restore "
     "/usr/sbin/ip6tables-save ip6tables-save /usr/sbin/ip6tables-legacy-save"},
    {"iptables", "/usr/sbin/iptables", "iptables", "/usr/sbin/iptables-nft", 20,
     "/usr/sbin/iptables-restore iptables-restore /usr/sbin/iptables-nft-restore "
     "/usr/sbin/iptables-save iptables-save /usr/sbin/iptables-nft-save"},
    {"iptables", "/usr/sbin/ip6tables", "ip6tables", "/usr/sbin/ip6tables-nft", 20,
     "/usr/sbin/ip6tables-restore ip6tables-restore /usr/sbin/ip6tables-nft-restore "
     "/usr/sbin/ip6tables-save ip6tables-save /usr/sbin/ip6tables-nft-save"},
    {"iptables", "/usr/sbin/arptables", "arptables", "/usr/sbin/arptables-nft", 20,
     "/usr/sbin/arptables-restore arptables-restore /usr/sbin/arptables-nft-restore "
     "/usr/sbin/arptables-save arptables-save /usr/sbin/arptables-nft-save"},
    {"iptables", "/usr/sbin/ebtables", "ebtables", "/usr/sbin/ebtables-nft", 20,
     "/usr/sbin/ebtables-restore ebtables-restore /usr/sbin/ebtables-nft-restore "
     "/usr/sbin/ebtables-save ebtables-save /usr/sbin/ebtables-nft-save"},
    {"mawk", "/usr/bin/awk", "awk", "/usr/bin/mawk", 5,
     "/usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz "
     "/usr/bin/nawk nawk /usr/bin/mawk "
     "/usr/share/man/man1/nawk.1.gz nawk.1.gz /usr/share/man/man1/mawk.1.gz"},
    {"gawk", "/usr/bin/awk", "awk", "/usr/bin/gawk", 10,
     "/usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/gawk.1.gz "
     "/usr/bin/nawk nawk /usr/bin/gawk "
     "/usr/share/man/man1/nawk.1.gz nawk.1.gz /usr/share/man/man1/gawk.1.gz"},
    {"debianutils", "/usr/bin/which", "which", "/usr/bin/which.debianutils", 0, kWhichSlaves},
    {"util-linux", "/usr/bin/pager", "pager", "/bin/more", 50,
     "/usr/share/man/man1/pager.1.gz pager.1.gz /usr/share/man/man1/more.1.gz"},
    {"less", "/usr/bin/pager", "pager", "/usr/bin/less", 77,
     "/usr/share/man/man1/pager.1.gz pager.1.gz /usr/share/man/man1/less.1.gz"},
    {"tar", "/usr/sbin/rmt", "rmt", "/usr/sbin/rmt-tar", 50,
     "/usr/share/man/man8/rmt.8.gz rmt.8.gz /usr/share/man/man8/rmt-tar.8.gz"},
    {"bash", "/usr/share/man/man7/builtins.7.gz", "builtins.7.gz",
     "/usr/share/man/man7/bash-builtins.7.gz", 10, ""},
    {"nano", "/usr/bin/editor", "editor", "/bin/nano", 40,
     "/usr/share/man/man1/editor.1.gz editor.1.gz /usr/share/man/man1/nano.1.gz"},
    {"netcat-openbsd", "/bin/nc", "nc", "/bin/nc.openbsd", 50,
     "/bin/netcat netcat /bin/nc.openbsd "
     "/usr/share/man/man1/nc.1.gz nc.1.gz /usr/share/man/man1/nc_openbsd.1.gz "
     "/usr/share/man/man1/netcat.1.gz netcat.1.gz /usr/share/man/man1/nc_openbsd.1.gz"},
};

std::vector<AlternativeSlave> Slaves(std::string_view text) {
  std::vector<AlternativeSlave> slaves;
  const std::vector<std::string> words = SplitWords(text);
  for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
    slaves.push_back({words[i], words[i + 1], words[i + 2]});
  }
  return slaves;
}

bool IsManualPage(std::string_view link) { return link.starts_with("/usr/share/man/"); }

// "/bin/x" and "/usr/bin/x" are one program.
std::string_view Merged(std::string_view path) {
  return path.starts_with("/usr/") ? path.substr(4) : path;
}

Result<> PutPair(RuleContext& context, std::string_view link, std::string_view name,
                 std::string_view target) {
  if (!context.tree().Resolve(target)) return {};  // a slave whose target is absent gets no link
  INRO_TRY(context.Put(fmt::format("etc/alternatives/{}", name), MakeSymlink(std::string(target))));
  return context.PutIfAbsent(link.substr(1),
                             MakeSymlink(fmt::format("/etc/alternatives/{}", name)));
}

}  // namespace

std::span<const DeclaredAlternative> DeclaredAlternatives() { return kDeclared; }

std::vector<Alternative> ParseUpdateAlternatives(const std::vector<std::string>& words) {
  std::vector<Alternative> found;
  if (words.empty() || words[0] != "update-alternatives") return found;
  for (std::size_t i = 1; i < words.size();) {
    if (words[i] == "--install" && i + 4 < words.size()) {
      Alternative alternative{words[i + 1], words[i + 2], words[i + 3], 0, {}};
      const std::string& number = words[i + 4];
      const auto [end, error] =
          std::from_chars(number.data(), number.data() + number.size(), alternative.priority);
      if (error != std::errc() || end != number.data() + number.size()) return {};
      found.push_back(std::move(alternative));
      i += 5;
    } else if (words[i] == "--slave" && i + 3 < words.size() && !found.empty()) {
      found.back().slaves.push_back({words[i + 1], words[i + 2], words[i + 3]});
      i += 4;
    } else if (words[i] == "--quiet" || words[i] == "--force") {
      ++i;
    } else {
      return {};
    }
  }
  return found;
}

bool IsDeclaredAlternative(std::string_view package, const Alternative& alternative) {
  if (IsManualPage(alternative.link)) return true;  // pruned; no program depends on it
  for (const DeclaredAlternative& row : kDeclared) {
    if (row.package != package || Merged(row.link) != Merged(alternative.link) ||
        row.name != alternative.name || Merged(row.target) != Merged(alternative.target) ||
        row.priority != alternative.priority) {
      continue;
    }
    const std::vector<AlternativeSlave> declared = Slaves(row.slaves);
    bool all = true;
    for (const AlternativeSlave& slave : alternative.slaves) {
      bool known = IsManualPage(slave.link);
      for (const AlternativeSlave& ours : declared) {
        known |= Merged(ours.link) == Merged(slave.link) && ours.name == slave.name &&
                 Merged(ours.target) == Merged(slave.target);
      }
      all &= known;
    }
    if (all) return true;
  }
  return false;
}

Result<> ApplyAlternatives(RuleContext& context) {
  std::map<std::string_view, const DeclaredAlternative*> best;
  for (const DeclaredAlternative& row : kDeclared) {
    if (!context.HasPackage(row.package) || !context.tree().Resolve(row.target)) continue;
    const DeclaredAlternative*& chosen = best[row.name];
    if (chosen == nullptr || chosen->priority < row.priority) chosen = &row;
  }
  for (const auto& [name, row] : best) {
    INRO_TRY(PutPair(context, row->link, name, row->target));
    for (const AlternativeSlave& slave : Slaves(row->slaves)) {
      INRO_TRY(PutPair(context, slave.link, slave.name, slave.target));
    }
  }
  return {};
}

}  // namespace inro::image

#include "image/finish/units.h"

#include <set>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr std::string_view kUnitFolders[] = {"etc/systemd/system", "usr/local/lib/systemd/system",
                                             "usr/lib/systemd/system", "lib/systemd/system"};

// "getty@tty1.service" -> "getty@.service"; empty when it is no instance.
std::string TemplateOf(std::string_view unit) {
  const std::size_t at = unit.find('@');
  const std::size_t dot = unit.rfind('.');
  if (at == std::string_view::npos || dot == std::string_view::npos || dot <= at + 1) return "";
  return fmt::format("{}{}", unit.substr(0, at + 1), unit.substr(dot));
}

bool IsTemplate(std::string_view unit) { return unit.find("@.") != std::string_view::npos; }

void Append(std::vector<std::string>& list, std::string_view value) {
  if (value.empty()) {
    list.clear();
    return;
  }
  for (std::string& word : SplitWords(value)) list.push_back(std::move(word));
}

// %i, %n, %p and %j where they stand in a name of the section.
std::string Expand(std::string_view name, std::string_view unit) {
  std::string text;
  const std::size_t at = unit.find('@');
  const std::size_t dot = unit.rfind('.');
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%' || i + 1 == name.size()) {
      text += name[i];
      continue;
    }
    const char letter = name[++i];
    if (letter == 'i' && at != std::string_view::npos) {
      text += unit.substr(at + 1, dot - at - 1);
    } else if (letter == 'p') {
      text += unit.substr(0, at == std::string_view::npos ? dot : at);
    } else if (letter == 'n') {
      text += unit;
    } else if (letter == 'N') {
      text += unit.substr(0, dot);
    } else {
      text += letter;
    }
  }
  return text;
}

Result<> Enable(RuleContext& context, std::string unit, std::set<std::string>& done) {
  if (!done.insert(unit).second) return {};
  const std::string path = FindUnitFile(context.tree(), unit);
  if (path.empty()) {
    return FailAs(ErrorKind::kBadInput,
                  "enable {}: no such unit in the tree; name the package that has it, or leave it "
                  "out of the services to enable",
                  unit);
  }
  const auto text = context.tree().ReadFile(path);
  if (!text) {
    return FailAs(ErrorKind::kBadInput, "enable {}: {} is no unit file (masked?)", unit, path);
  }
  const InstallSection install = ParseInstallSection(*text);
  if (install.empty()) {
    context.Note(fmt::format("unit {} has no [Install] section: nothing to enable", unit));
    return {};
  }
  if (IsTemplate(unit)) {
    if (install.default_instance.empty()) {
      return FailAs(ErrorKind::kBadInput,
                    "enable {}: a template without DefaultInstance=; name an "
                    "instance",
                    unit);
    }
    const std::size_t at = unit.find('@');
    unit.insert(at + 1, install.default_instance);
  }
  const std::string target = "/" + path;
  const auto link_from = [&](const std::vector<std::string>& units,
                             std::string_view suffix) -> Result<> {
    for (const std::string& by : units) {
      INRO_TRY(
          context.Put(fmt::format("etc/systemd/system/{}.{}/{}", Expand(by, unit), suffix, unit),
                      MakeSymlink(target)));
    }
    return {};
  };
  INRO_TRY(link_from(install.wanted_by, "wants"));
  INRO_TRY(link_from(install.required_by, "requires"));
  INRO_TRY(link_from(install.upheld_by, "upholds"));
  for (const std::string& alias : install.alias) {
    const std::string name = Expand(alias, unit);
    if (name == unit) continue;
    INRO_TRY(context.Put(fmt::format("etc/systemd/system/{}", name), MakeSymlink(target)));
  }
  for (const std::string& also : install.also) {
    const std::string name = Expand(also, unit);
    // systemctl enables what it finds of Also= and says nothing about the rest.
    if (FindUnitFile(context.tree(), name).empty()) continue;
    INRO_TRY(Enable(context, name, done));
  }
  return {};
}

}  // namespace

InstallSection ParseInstallSection(std::string_view unit_text) {
  InstallSection install;
  bool inside = false;
  std::string joined;
  for (const std::string_view raw : SplitLines(unit_text)) {
    const std::string_view line = TrimBlanks(raw);
    if (joined.empty() && (line.empty() || line.starts_with('#') || line.starts_with(';')))
      continue;
    if (line.ends_with('\\')) {
      joined += fmt::format("{} ", line.substr(0, line.size() - 1));
      continue;
    }
    const std::string whole = joined + std::string(line);
    joined.clear();
    if (whole.starts_with('[')) {
      inside = whole == "[Install]";
      continue;
    }
    const std::size_t equals = whole.find('=');
    if (!inside || equals == std::string::npos) continue;
    const std::string_view key = TrimBlanks(std::string_view(whole).substr(0, equals));
    const std::string_view value = TrimBlanks(std::string_view(whole).substr(equals + 1));
    if (key == "WantedBy") Append(install.wanted_by, value);
    if (key == "RequiredBy") Append(install.required_by, value);
    if (key == "UpheldBy") Append(install.upheld_by, value);
    if (key == "Alias") Append(install.alias, value);
    if (key == "Also") Append(install.also, value);
    if (key == "DefaultInstance") install.default_instance = value;
  }
  return install;
}

std::string FindUnitFile(const Tree& tree, std::string_view unit) {
  for (const std::string& name : {std::string(unit), TemplateOf(unit)}) {
    if (name.empty()) continue;
    for (const std::string_view folder : kUnitFolders) {
      const std::string path = tree.ResolveParents(fmt::format("{}/{}", folder, name));
      if (const auto resolved = tree.Resolve(path);
          resolved && tree.Find(*resolved)->type == NodeType::kFile) {
        return tree.Find(path)->type == NodeType::kFile ? path : *resolved;
      }
    }
  }
  return "";
}

Result<> ApplyUnitEnablement(RuleContext& context) {
  std::set<std::string> done;
  for (const std::string& unit : context.options().enabled_units) {
    INRO_TRY(Enable(context, unit, done));
  }
  return {};
}

Result<> ApplyUnitMasks(RuleContext& context) {
  for (const std::string& unit : context.options().masked_units) {
    const std::string path = fmt::format("etc/systemd/system/{}", unit);
    if (const Node* node = context.tree().Find(path);
        node != nullptr && node->type == NodeType::kFile) {
      return FailAs(ErrorKind::kBadInput, "mask {}: /{} is a file of the tree", unit, path);
    }
    INRO_TRY(context.Put(path, MakeSymlink("/dev/null")));
  }
  return {};
}

Result<> ApplyDefaultTarget(RuleContext& context) {
  const std::string& target = context.options().default_target;
  if (target.empty()) return {};
  const std::string path = FindUnitFile(context.tree(), target);
  if (path.empty()) {
    return FailAs(ErrorKind::kBadInput, "default target {}: no such unit in the tree", target);
  }
  return context.Put("etc/systemd/system/default.target", MakeSymlink("/" + path));
}

Result<> ApplyInitLink(RuleContext& context) {
  const std::string& program = context.options().init_program;
  if (program.empty()) return {};
  if (!context.tree().Resolve(program)) {
    return FailAs(ErrorKind::kBadInput, "init {}: no such program in the tree", program);
  }
  return context.Put("usr/sbin/init",
                     MakeSymlink(program.starts_with('/') ? program : "/" + program));
}

}  // namespace inro::image

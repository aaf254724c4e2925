#include "unit/specifier.h"

#include "unit/environment_file.h"
#include "unit/unit_name.h"

namespace inro::unit {
namespace {

// A fact, or the specifier itself while the fact is not known.
std::string FactOr(const std::string& fact, char specifier) {
  return fact.empty() ? std::string("%") + specifier : fact;
}

std::string OsFact(const SystemFacts& facts, const std::string& fact, char specifier) {
  return facts.os_known ? fact : FactOr(fact, specifier);
}

Result<std::string> ValueOf(char specifier, std::string_view name, const SystemFacts& facts,
                            std::string_view fragment) {
  const NameParts parts = SplitName(name);
  const std::string_view instance = parts.instance.value_or("");
  switch (specifier) {
    case '%':
      return "%";
    case 'n':
      return std::string(name);
    case 'N':
      return std::string(name.substr(0, name.rfind('.')));
    case 'p':
      return std::string(parts.prefix);
    case 'P':
      return Unescape(parts.prefix);
    case 'i':
      return std::string(instance);
    case 'I':
      return Unescape(instance);
    case 'f':
      return "/" + Unescape(parts.instance ? instance : parts.prefix);
    case 'j':
    case 'J': {
      const std::size_t dash = parts.prefix.rfind('-');
      const std::string_view last =
          dash == std::string_view::npos ? parts.prefix : parts.prefix.substr(dash + 1);
      return specifier == 'j' ? std::string(last) : Unescape(last);
    }
    case 't':
      return "/run";
    case 'S':
      return "/var/lib";
    case 'C':
      return "/var/cache";
    case 'L':
      return "/var/log";
    case 'E':
      return "/etc";
    case 'T':
      return "/tmp";
    case 'V':
      return "/var/tmp";
    case 'u':
    case 'g':
      return "root";
    case 'U':
    case 'G':
      return "0";
    case 'h':
      return "/root";
    case 's':
      return "/bin/sh";
    case 'H':
      return FactOr(facts.host_name, 'H');
    case 'l':
      return FactOr(facts.host_name.substr(0, facts.host_name.find('.')), 'l');
    case 'm':
      return FactOr(facts.machine_id, 'm');
    case 'b':
      return FactOr(facts.boot_id, 'b');
    case 'v':
      return FactOr(facts.kernel_release, 'v');
    case 'a':
      return FactOr(facts.architecture, 'a');
    case 'q':
      return FactOr(facts.pretty_host_name.empty() ? facts.host_name : facts.pretty_host_name, 'q');
    case 'd':
      return "/run/credentials/" + std::string(name);
    case 'D':
      return "/usr/share";
    case 'y':
      return FactOr(std::string(fragment), 'y');
    case 'Y':
      return FactOr(std::string(fragment.substr(0, fragment.rfind('/'))), 'Y');
    case 'o':
      return OsFact(facts, facts.os_id, 'o');
    case 'w':
      return OsFact(facts, facts.os_version_id, 'w');
    case 'B':
      return OsFact(facts, facts.os_build_id, 'B');
    case 'W':
      return OsFact(facts, facts.os_variant_id, 'W');
    case 'M':
      return OsFact(facts, facts.image_id, 'M');
    case 'A':
      return OsFact(facts, facts.image_version, 'A');
    default:
      return FailAs(ErrorKind::kBadInput, "unknown specifier %{}; a percent sign is %%",
                    specifier >= ' ' && specifier < 127 ? specifier : '?');
  }
}

}  // namespace

void SetOsRelease(SystemFacts& facts, std::string_view os_release) {
  const Environment fields = ParseEnvironmentFile(os_release);
  facts.os_known = true;
  facts.os_id = GetVariable(fields, "ID");
  if (facts.os_id.empty()) facts.os_id = "linux";
  facts.os_version_id = GetVariable(fields, "VERSION_ID");
  facts.os_build_id = GetVariable(fields, "BUILD_ID");
  facts.os_variant_id = GetVariable(fields, "VARIANT_ID");
  facts.image_id = GetVariable(fields, "IMAGE_ID");
  facts.image_version = GetVariable(fields, "IMAGE_VERSION");
}

Result<std::string> ExpandSpecifiers(std::string_view text, std::string_view unit_name,
                                     const SystemFacts& facts, std::string_view fragment) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t percent = text.find('%');
    out += text.substr(0, percent);
    if (percent == std::string_view::npos) break;
    if (percent + 1 == text.size()) {
      out += '%';  // A lone percent sign at the end stands for itself.
      break;
    }
    INRO_ASSIGN(const std::string value, ValueOf(text[percent + 1], unit_name, facts, fragment));
    out += value;
    text.remove_prefix(percent + 2);
  }
  return out;
}

}  // namespace inro::unit

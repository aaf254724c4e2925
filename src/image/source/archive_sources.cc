#include "image/source/archive_sources.h"

#include <algorithm>

#include "image/source/host_sources.h"
#include "image/source/suites.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::string_view kMirror = "http://deb.debian.org/debian";
constexpr std::string_view kSecurityMirror = "http://deb.debian.org/debian-security";

std::string WithoutSlash(std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

bool OnlyOf(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
  });
}

// What is written into a sources list must not be able to add to it.
Result<> CheckOptions(const AptOptions& options) {
  constexpr auto kBad = ErrorKind::kBadInput;
  if (!OnlyOf(options.suite, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_/")) {
    return FailAs(kBad, "suite \"{}\" is not the name of a suite", options.suite);
  }
  if (!OnlyOf(options.architecture, "")) {
    return FailAs(kBad, "\"{}\" is not the name of an architecture", options.architecture);
  }
  if (options.components.empty()) return FailAs(kBad, "no components; Debian's first is main");
  for (const std::string& component : options.components) {
    if (!OnlyOf(component, "-_/.")) {
      return FailAs(kBad, "\"{}\" is not the name of a component", component);
    }
  }
  for (const std::string& uri : {options.mirror, options.security_mirror}) {
    if (uri.find_first_of(" \t\r\n") != std::string::npos) {
      return FailAs(kBad, "mirror \"{}\" is not a URI", uri);
    }
  }
  if (!sys::Exists(options.keyring)) {
    return FailAs(kBad, "keyring {} is absent; Debian's is in package debian-archive-keyring",
                  options.keyring);
  }
  return {};
}

}  // namespace

Result<std::vector<ListSource>> ArchiveSources(const AptOptions& options) {
  INRO_TRY(CheckOptions(options));
  const std::vector<ListSource> host = options.mirror.empty() || options.security_mirror.empty()
                                           ? ReadHostSources("/etc/apt")
                                           : std::vector<ListSource>{};
  const auto choose = [&](std::string given, const std::string& suite, std::string_view fallback) {
    if (given.empty()) given = FindMirror(host, suite);
    return given.empty() ? std::string(fallback) : WithoutSlash(std::move(given));
  };
  const std::string mirror = choose(options.mirror, options.suite, kMirror);
  std::vector<ListSource> sources;
  sources.push_back({mirror, options.suite});
  const Suite* suite = FindSuite(options.suite);
  if (options.updates && suite != nullptr && suite->released) {
    sources.push_back({mirror, options.suite + "-updates"});
    const std::string security = options.suite + "-security";
    sources.push_back({choose(options.security_mirror, security, kSecurityMirror), security});
  }
  return sources;
}

}  // namespace inro::image

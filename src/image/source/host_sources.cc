#include "image/source/host_sources.h"

#include <dirent.h>

#include <algorithm>
#include <memory>

#include "image/source/deb.h"
#include "image/source/suites.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t\r\n", at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string WithoutSlash(std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

// Calls `take` with every piece of `text` between separators.
template <class F>
void Split(std::string_view text, std::string_view separator, F take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + separator.size(), text.size()));
  }
}

std::vector<std::string> SortedNames(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), closedir);
  if (!open) return names;
  while (const dirent* entry = readdir(open.get())) names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

bool Usable(std::string_view uri) {
  return uri.starts_with("http://") || uri.starts_with("https://") || uri.starts_with("file:");
}

}  // namespace

std::vector<ListSource> ParseOneLineSources(std::string_view text) {
  std::vector<ListSource> sources;
  Split(text, "\n", [&](std::string_view line) {
    line = line.substr(0, line.find('#'));
    std::vector<std::string> words = Words(line);
    if (words.empty() || words[0] != "deb") return;
    std::size_t at = 1;
    if (at < words.size() && words[at].starts_with('[')) {
      while (at < words.size() && !words[at].ends_with(']')) ++at;
      ++at;
    }
    if (at + 1 >= words.size()) return;
    sources.push_back({WithoutSlash(words[at]), words[at + 1]});
  });
  return sources;
}

std::vector<ListSource> ParseDeb822Sources(std::string_view text) {
  // Comments may stand between any two lines; without them a blank line ends a stanza.
  std::string plain;
  Split(text, "\n", [&](std::string_view line) {
    if (line.starts_with('#')) return;
    plain += line.find_first_not_of(" \t\r") == std::string_view::npos ? "" : line;
    plain += '\n';
  });
  std::vector<ListSource> sources;
  Split(plain, "\n\n", [&](std::string_view stanza) {
    const std::vector<std::string> types = Words(ControlField(stanza, "Types"));
    const std::string_view enabled = ControlField(stanza, "Enabled");
    if (enabled == "no" || enabled == "false") return;
    if (std::find(types.begin(), types.end(), "deb") == types.end()) return;
    for (const std::string& uri : Words(ControlField(stanza, "URIs"))) {
      for (const std::string& suite : Words(ControlField(stanza, "Suites"))) {
        sources.push_back({WithoutSlash(uri), suite});
      }
    }
  });
  return sources;
}

std::vector<ListSource> ReadHostSources(const std::string& folder) {
  std::vector<ListSource> sources;
  const auto add = [&](std::vector<ListSource> more) {
    sources.insert(sources.end(), more.begin(), more.end());
  };
  if (const auto text = sys::ReadFile(folder + "/sources.list")) add(ParseOneLineSources(*text));
  const std::string parts = folder + "/sources.list.d";
  for (const std::string& name : SortedNames(parts)) {
    const bool deb822 = name.ends_with(".sources");
    if (!deb822 && !name.ends_with(".list")) continue;
    if (const auto text = sys::ReadFile(parts + "/" + name)) {
      add(deb822 ? ParseDeb822Sources(*text) : ParseOneLineSources(*text));
    }
  }
  return sources;
}

std::string FindMirror(const std::vector<ListSource>& sources, std::string_view suite) {
  for (const ListSource& source : sources) {
    if (source.suite == suite && Usable(source.uri)) return source.uri;
  }
  constexpr std::string_view kSecurity = "-security";
  const bool security = suite.ends_with(kSecurity);
  for (const ListSource& source : sources) {
    std::string_view base = source.suite;
    if (base.ends_with(kSecurity) != security || !Usable(source.uri)) continue;
    if (security) base.remove_suffix(kSecurity.size());
    if (FindSuite(base) != nullptr) return source.uri;
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> ReadHostTransport() {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto dump =
      sys::RunOrFail({"apt-config", "dump", "--no-empty", "--format", "%f=%v%n", "Acquire"});
  if (!dump) return settings;
  Split(*dump, "\n", [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view name = line.substr(0, equals);
    for (const std::string_view prefix : {"Acquire::http::", "Acquire::https::"}) {
      if (!name.starts_with(prefix)) continue;
      const std::string_view rest = name.substr(prefix.size());
      if (rest.starts_with("Proxy") || rest.starts_with("Ca")) {
        settings.emplace_back(name, line.substr(equals + 1));
      }
    }
  });
  return settings;
}

}  // namespace inro::image

#include "image/source/solution_cache.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

using nlohmann::json;

// Changes with the meaning of what is stored, so that old files miss.
constexpr std::string_view kFormat = "solution 1";

json ToJson(const Package& package) {
  return {{"name", package.name},
          {"version", package.version},
          {"architecture", package.architecture},
          {"sha256", package.sha256},
          {"size", package.size},
          {"installed_size", package.installed_size},
          {"depends", package.depends},
          {"uri", package.uri}};
}

Package FromJson(const json& item) {
  Package package;
  item.at("name").get_to(package.name);
  item.at("version").get_to(package.version);
  item.at("architecture").get_to(package.architecture);
  item.at("sha256").get_to(package.sha256);
  item.at("size").get_to(package.size);
  item.at("installed_size").get_to(package.installed_size);
  item.at("depends").get_to(package.depends);
  item.at("uri").get_to(package.uri);
  return package;
}

}  // namespace

std::string SolutionCache::Key(const std::string& fingerprint,
                               const std::vector<std::string>& wanted,
                               const std::vector<std::string>& exclude) {
  std::string text = fmt::format("{}\n{}\n", kFormat, fingerprint);
  for (std::vector<std::string> names : {wanted, exclude}) {
    std::sort(names.begin(), names.end());
    text += fmt::format("{}\n", fmt::join(names, " "));
  }
  return Sha256Hex(text);
}

std::optional<std::vector<Package>> SolutionCache::Load(const std::string& key) const {
  const auto text = sys::ReadFile(folder_ + "/" + key + ".json");
  if (!text) return std::nullopt;
  try {
    const json document = json::parse(*text);
    std::vector<Package> packages;
    for (const json& item : document.at("packages")) packages.push_back(FromJson(item));
    return packages;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

Result<> SolutionCache::Store(const std::string& key, const std::vector<Package>& packages) const {
  json items = json::array();
  for (const Package& package : packages) items.push_back(ToJson(package));
  INRO_TRY(sys::MakeDirectories(folder_));
  return sys::WriteFileAtomically(folder_ + "/" + key + ".json",
                                  json{{"packages", items}}.dump(1) + "\n");
}

}  // namespace inro::image

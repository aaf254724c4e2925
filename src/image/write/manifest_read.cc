// The strict reader of manifests; see manifest.h.
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "image/write/manifest.h"
#include "image/write/manifest_fields.h"

namespace inro::image {
namespace {

using Json = nlohmann::ordered_json;

// Fills a struct from a JSON object; see manifest_fields.h. Only the first error is kept.
class FromJson {
 public:
  FromJson(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) Refuse("", "is not an object");
  }

  template <class T>
  static std::optional<std::string> Into(T& value, const Json& object, std::string where,
                                         std::string_view also_known = "") {
    FromJson visitor(object, std::move(where));
    visitor.known_.insert(std::string(also_known));
    if (!visitor.error_) VisitFields(visitor, value);
    visitor.RefuseUnknown();
    return std::move(visitor.error_);
  }

  template <class T>
  void Required(const char* key, T& value) {
    if (const Json* found = Find(key, true)) Read(key, *found, value);
  }
  template <class T>
  void Optional(const char* key, T& value) {
    if (const Json* found = Find(key, false)) Read(key, *found, value);
  }
  void Mode(const char* key, std::uint32_t& mode) {
    std::string text;
    Required(key, text);
    if (error_) return;
    mode = 0;
    for (const char c : text) {
      if (c < '0' || c > '7' || text.size() > 4) return Refuse(key, "is no mode in octal");
      mode = mode << 3 | static_cast<std::uint32_t>(c - '0');
    }
  }
  template <class T>
  void Object(const char* key, T& value) {
    if (const Json* found = Find(key, true)) Keep(Into(value, *found, Path(key)));
  }
  template <class T>
  void List(const char* key, std::vector<T>& values) {
    const Json* found = Find(key, true);
    if (found == nullptr) return;
    if (!found->is_array()) return Refuse(key, "is not a list");
    for (std::size_t i = 0; i < found->size() && !error_; ++i) {
      values.emplace_back();
      Keep(Into(values.back(), (*found)[i], fmt::format("{}[{}]", Path(key), i)));
    }
  }

 private:
  std::string Path(std::string_view key) const {
    return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
  }
  void Keep(std::optional<std::string> error) {
    if (!error_) error_ = std::move(error);
  }
  void Refuse(std::string_view key, std::string_view why) {
    Keep(fmt::format("{} {}", key.empty() ? where_.empty() ? "the document" : where_ : Path(key),
                     why));
  }

  const Json* Find(const char* key, bool required) {
    known_.insert(key);
    if (error_) return nullptr;
    const auto found = object_.find(key);
    if (found != object_.end()) return &*found;
    if (required) Refuse(key, "is missing");
    return nullptr;
  }

  void RefuseUnknown() {
    if (error_) return;
    for (const auto& [key, value] : object_.items()) {
      if (!known_.contains(key)) return Refuse(key, "is not a key of this schema");
    }
  }

  void Read(const char* key, const Json& json, std::string& value) {
    if (!json.is_string()) return Refuse(key, "is not a string");
    value = json.get<std::string>();
  }
  template <class T>
    requires std::is_unsigned_v<T>
  void Read(const char* key, const Json& json, T& value) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
      return Refuse(key, "is not a whole number in range");
    }
    value = json.get<T>();
  }
  void Read(const char* key, const Json& json, std::vector<std::string>& values) {
    if (!json.is_array()) return Refuse(key, "is not a list");
    for (const Json& item : json) {
      if (!item.is_string()) return Refuse(key, "is not a list of strings");
      values.push_back(item.get<std::string>());
    }
  }
  void Read(const char* key, const Json& json,
            std::vector<std::pair<std::string, std::string>>& pairs) {
    if (!json.is_object()) return Refuse(key, "is not an object");
    for (const auto& [name, item] : json.items()) {
      if (!item.is_string()) return Refuse(key, "is not an object of strings");
      pairs.emplace_back(name, item.get<std::string>());
    }
  }

  const Json& object_;
  std::string where_;
  std::set<std::string> known_;
  std::optional<std::string> error_;
};

// Artifacts are named relative to the manifest and lie in its folder or below.
bool StaysInside(std::string_view path) {
  const auto clean = CleanPath(path);
  return clean && !clean->empty() && *clean == path;
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view bytes, const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(Error::InFile(name, 0, fmt::format("not a manifest of inro: {}", why)));
  };
  Json json;
  try {
    json = Json::parse(bytes);
  } catch (const Json::exception& error) {
    return refuse(error.what());
  }
  if (!json.is_object() || !json.contains("schema") || json["schema"] != kManifestSchema) {
    return refuse(fmt::format("its schema is not \"{}\"", kManifestSchema));
  }
  Manifest manifest;
  if (const auto error = FromJson::Into(manifest, json, "", "schema")) return refuse(*error);
  for (const ManifestArtifact& artifact : manifest.artifacts) {
    if (!StaysInside(artifact.path)) {
      return refuse(fmt::format("the path \"{}\" leaves its folder", artifact.path));
    }
  }
  return manifest;
}

}  // namespace inro::image

#include "image/write/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "image/tree/digest.h"
#include "image/write/manifest_fields.h"

namespace inro::image {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<NodeType, std::string_view> kTypes[] = {
    {NodeType::kFile, "file"},         {NodeType::kDirectory, "directory"},
    {NodeType::kSymlink, "symlink"},   {NodeType::kCharDevice, "char"},
    {NodeType::kBlockDevice, "block"}, {NodeType::kFifo, "fifo"},
};

// Turns a struct into a JSON object; see manifest_fields.h.
class ToJson {
 public:
  template <class T>
  static Json Of(const T& value) {
    ToJson visitor;
    VisitFields(visitor, value);
    return std::move(visitor.object_);
  }

  template <class T>
  void Required(const char* key, const T& value) {
    object_[key] = value;
  }
  void Required(const char* key, const std::vector<std::pair<std::string, std::string>>& pairs) {
    Json object = Json::object();
    for (const auto& [name, value] : pairs) object[name] = value;
    object_[key] = std::move(object);
  }
  template <class T>
  void Optional(const char* key, const T& value) {
    if (value != T{}) object_[key] = value;
  }
  void Mode(const char* key, std::uint32_t mode) { object_[key] = fmt::format("{:04o}", mode); }
  template <class T>
  void Object(const char* key, const T& value) {
    object_[key] = Of(value);
  }
  template <class T>
  void List(const char* key, const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(Of(value));
    object_[key] = std::move(list);
  }

 private:
  Json object_ = Json::object();
};

std::string Dump(const Json& json) {
  // A file name need not be UTF-8; JSON must be.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Two spaces a level; what stands in a list of files or packages takes one line each.
void Print(const Json& json, std::size_t indent, bool one_line, std::string& out) {
  if (one_line || !json.is_structured() || json.empty()) {
    out += Dump(json);
    return;
  }
  const std::string line = "\n" + std::string(indent + 2, ' ');
  std::string_view between = json.is_object() ? "{" : "[";
  for (const auto& [key, value] : json.items()) {
    out += between;
    out += line;
    between = ",";
    if (json.is_object()) out += Dump(key) + ": ";
    const bool list_of_lines = key == "files" || key == "packages";
    if (!list_of_lines || value.empty()) {
      Print(value, indent + 2, false, out);
      continue;
    }
    std::string_view comma = "[";
    for (const Json& item : value) {
      out += comma;
      out += line + "  ";
      Print(item, 0, true, out);
      comma = ",";
    }
    out += line + "]";
  }
  out += line.substr(0, line.size() - 2);
  out += json.is_object() ? '}' : ']';
}

}  // namespace

const ManifestArtifact* Manifest::Artifact(std::string_view form) const {
  const auto found = std::ranges::find(artifacts, form, &ManifestArtifact::form);
  return found == artifacts.end() ? nullptr : &*found;
}

const ManifestTree* Manifest::TreeOf(std::string_view init) const {
  const auto found = std::ranges::find(trees, init, &ManifestTree::init);
  return found == trees.end() ? nullptr : &*found;
}

std::vector<ManifestFile> ManifestFiles(const Tree& tree) {
  std::vector<ManifestFile> files;
  for (const auto& [path, node] : tree.nodes()) {
    ManifestFile file;
    file.path = "/" + path;
    file.type =
        std::ranges::find(kTypes, node.type, [](const auto& row) { return row.first; })->second;
    file.mode = node.mode;
    file.uid = node.uid;
    file.gid = node.gid;
    file.target = node.target;
    file.major = node.major;
    file.minor = node.minor;
    file.origin = node.origin;
    if (node.type == NodeType::kFile) {
      file.size = node.content.size();
      file.sha256 = Sha256Hex(node.content.view());
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::string WriteManifest(const Manifest& manifest) {
  Json document = Json::object();
  document["schema"] = kManifestSchema;
  document.update(ToJson::Of(manifest));
  std::string out;
  Print(document, 0, false, out);
  return out + "\n";
}

}  // namespace inro::image

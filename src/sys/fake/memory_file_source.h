// A FileSource in memory, for tests and fuzz targets.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sys/file_source.h"

namespace inro::sys {

class MemoryFileSource final : public FileSource {
 public:
  // Parents need not be added. A later call for the same path replaces.
  void AddFile(const std::string& path, std::string content) { files_[path] = std::move(content); }
  void AddLink(const std::string& path, std::string target) { links_[path] = std::move(target); }

  Type TypeOf(const std::string& path) const override {
    if (links_.contains(path)) return Type::kSymlink;
    if (files_.contains(path)) return Type::kFile;
    return List(path).empty() ? Type::kAbsent : Type::kDirectory;
  }

  Result<std::string> ReadLink(const std::string& path) const override {
    const auto link = links_.find(path);
    if (link == links_.end()) return Fail("{} is not a link", path);
    return link->second;
  }

  Result<std::string> Read(const std::string& path, std::size_t limit) const override {
    std::string at = path;
    for (int level = 0; level < 40 && links_.contains(at); ++level) {
      const std::string& target = links_.find(at)->second;
      at = target.starts_with('/') ? target : at.substr(0, at.rfind('/') + 1) + target;
    }
    const auto file = files_.find(at);
    if (file == files_.end()) return FailAs(ErrorKind::kNotFound, "no such file {}", path);
    if (file->second.size() > limit) return Fail("{} is over {} bytes", path, limit);
    return file->second;
  }

  std::vector<std::string> List(const std::string& path) const override {
    std::map<std::string, int> names;
    const std::string prefix = path + "/";
    const auto collect = [&](const auto& entries) {
      for (auto entry = entries.lower_bound(prefix);
           entry != entries.end() && entry->first.starts_with(prefix); ++entry) {
        const std::string rest = entry->first.substr(prefix.size());
        names[rest.substr(0, rest.find('/'))] = 1;
      }
    };
    collect(files_);
    collect(links_);
    std::vector<std::string> list;
    for (const auto& [name, unused] : names) list.push_back(name);
    return list;
  }

 private:
  std::map<std::string, std::string> files_;
  std::map<std::string, std::string> links_;
};

}  // namespace inro::sys

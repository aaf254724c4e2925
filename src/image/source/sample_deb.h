// Small archives for tests, made in memory.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::image::sample {

struct Entry {
  std::string path;
  unsigned type = AE_IFREG;
  unsigned mode = 0644;
  int uid = 0;
  int gid = 0;
  std::string bytes;  // of files
  std::string link;   // of symbolic links (type AE_IFLNK) and hard links (type AE_IFREG)
  int major = 0;
  int minor = 0;
  std::map<std::string, std::string> xattrs;
};

inline Entry File(std::string path, std::string bytes, unsigned mode = 0644) {
  return {.path = std::move(path), .mode = mode, .bytes = std::move(bytes)};
}
inline Entry Folder(std::string path, unsigned mode = 0755) {
  return {.path = std::move(path), .type = AE_IFDIR, .mode = mode};
}
inline Entry Symlink(std::string path, std::string target) {
  return {.path = std::move(path), .type = AE_IFLNK, .mode = 0777, .link = std::move(target)};
}
inline Entry HardLink(std::string path, std::string target) {
  return {.path = std::move(path), .link = std::move(target)};
}

// A tar of the entries; `filter` is libarchive's name of the compression ("xz", "zstd", "gzip",
// "none"). Paths are written as given, also ones that leave the root.
inline std::string Tar(const std::vector<Entry>& entries, const char* filter = "none") {
  std::string out;
  struct archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (filter != std::string_view("none")) archive_write_add_filter_by_name(writer, filter);
  archive_write_set_bytes_in_last_block(writer, 1);
  const auto append = [](struct archive*, void* to, const void* bytes, std::size_t size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
  };
  archive_write_open(writer, &out, nullptr, append, nullptr);
  for (const Entry& entry : entries) {
    struct archive_entry* header = archive_entry_new();
    archive_entry_set_pathname(header, entry.path.c_str());
    archive_entry_set_filetype(header, entry.type);
    archive_entry_set_perm(header, entry.mode);
    archive_entry_set_uid(header, entry.uid);
    archive_entry_set_gid(header, entry.gid);
    archive_entry_set_size(header, static_cast<la_int64_t>(entry.bytes.size()));
    if (entry.type == AE_IFLNK) {
      archive_entry_set_symlink(header, entry.link.c_str());
    } else if (!entry.link.empty()) {
      archive_entry_set_hardlink(header, entry.link.c_str());
    }
    archive_entry_set_rdevmajor(header, static_cast<dev_t>(entry.major));
    archive_entry_set_rdevminor(header, static_cast<dev_t>(entry.minor));
    for (const auto& [name, value] : entry.xattrs) {
      archive_entry_xattr_add_entry(header, name.c_str(), value.data(), value.size());
    }
    archive_write_header(writer, header);
    archive_write_data(writer, entry.bytes.data(), entry.bytes.size());
    archive_entry_free(header);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  return out;
}

inline std::string ArMember(std::string_view name, std::string_view bytes) {
  std::string out = fmt::format("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n{}", name, 0, 0, 0, "100644",
                                bytes.size(), bytes);
  if (bytes.size() % 2 == 1) out += '\n';
  return out;
}

inline std::string Deb(const std::vector<Entry>& control, const std::vector<Entry>& data,
                       const char* filter = "xz") {
  const std::string suffix = filter == std::string("none")   ? ""
                             : filter == std::string("gzip") ? ".gz"
                             : filter == std::string("zstd") ? ".zst"
                                                             : ".xz";
  return "!<arch>\n" + ArMember("debian-binary", "2.0\n") +
         ArMember("control.tar" + suffix, Tar(control, filter)) +
         ArMember("data.tar" + suffix, Tar(data, filter));
}

inline Entry Control(const std::string& package, const std::string& more = "") {
  return File("./control", fmt::format("Package: {}\nVersion: 1.0\nArchitecture: amd64\n"
                                       "Maintainer: A <a@example.org>\n{}Description: sample\n",
                                       package, more));
}

}  // namespace inro::image::sample

// The definition of a guest: what image.toml says, checked. Its settings are declared in
// settings.cc, one row each; parsing, defaults, docs/definition.md and the help come from the rows.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::image {

enum class SourceKind { kApt, kMmdebstrap, kTar, kDirectory, kOci };
enum class DiskFormat { kExt4, kErofs };
enum class InitrdLayout { kNested, kFlat };
enum class InitrdCompression { kNone, kZstd, kGzip, kLz4 };
enum class AgentKind { kInro, kBinary };
enum class Form { kImage, kInitrd };

// The names that these have in a definition, in the order of the enumerators.
inline constexpr std::array<std::string_view, 5> kSourceKinds = {"apt", "mmdebstrap", "tar",
                                                                 "directory", "oci"};
inline constexpr std::array<std::string_view, 2> kDiskFormats = {"ext4", "erofs"};
inline constexpr std::array<std::string_view, 2> kLayouts = {"nested", "flat"};
inline constexpr std::array<std::string_view, 4> kCompressions = {"none", "zstd", "gzip", "lz4"};
inline constexpr std::array<std::string_view, 2> kAgentKinds = {"inro", "binary"};
inline constexpr std::array<std::string_view, 2> kForms = {"image", "initrd"};

// Paths of the host in a Definition are absolute. Text that is empty was not given.
struct SourceSettings {
  SourceKind kind = {};
  std::string suite;
  std::vector<std::string> packages;
  std::vector<std::string> exclude;
  std::string mirror;
  std::vector<std::string> components;
  bool updates = false;
  std::string security;
  std::string keyring;
  std::string architecture;
  std::string path;  // tar: the archive; directory: the folder; oci: the layout
  std::string tag;   // oci: which image of the layout
};

struct KernelSettings {
  std::string package;
  std::string suite;                 // empty: that of the source
  std::string file;                  // a kernel of the user's own, in place of the package
  std::string config;                // its .config
  std::string modules_folder;        // its lib/modules/VERSION
  std::vector<std::string> builtin;  // modules it has built in, when there is no .config
  std::vector<std::string> modules;  // more modules for the guest
};

struct ImageSettings {
  std::string init;
  std::vector<std::string> packages;
  DiskFormat format = {};
  std::uint64_t size = 0;   // bytes; 0: as large as needed
  std::uint64_t free = 0;   // bytes that stay free in the file system
  std::uint64_t align = 0;  // the disk's size is a multiple of this
};

struct InitrdSettings {
  std::string init;
  std::vector<std::string> packages;
  InitrdLayout layout = {};
  InitrdCompression compression = {};
};

struct AgentSettings {
  AgentKind kind = {};
  std::string binary;
  std::string unit;
};

struct ServiceSettings {
  std::vector<std::string> units;  // unit files of the host
  std::vector<std::string> enable;
  std::vector<std::string> mask;
};

struct FileSettings {
  std::string path;    // in the guest, absolute
  std::string source;  // of the host: a file or a folder
  std::optional<std::string> content;
  std::uint32_t mode = 0;
  bool mode_given = false;  // else a source keeps its execute bit
  std::string user;
  std::string group;
  int line = 0;
};

struct UserSettings {
  std::string name;
  std::optional<std::uint32_t> uid;
  std::string home;
  std::string shell;
  std::vector<std::string> groups;
  int line = 0;
};

// A guest extension image to make beside the guests.
struct ExtensionSettings {
  std::string name;
  std::string source;  // a folder of the host
  bool verity = true;
  int line = 0;
};

struct Definition {
  std::string file;    // as the user wrote it: for messages
  std::string folder;  // absolute: where relative paths start
  std::string name;
  std::string hostname;
  SourceSettings source;
  KernelSettings kernel;
  ImageSettings image;
  InitrdSettings initrd;
  AgentSettings agent;
  ServiceSettings services;
  std::vector<FileSettings> files;
  std::vector<UserSettings> users;
  std::vector<ExtensionSettings> extensions;
  bool overlay = false;
  bool prune = false;
  std::optional<bool> debug;         // absent: not said, which is not the same as false
  std::optional<bool> control_exec;  // absent: as `debug`
  std::vector<std::string> kernel_parameters;

  // Where each key stands: "source.suite" -> line; elements of lists as "source.packages.0".
  std::map<std::string, int> lines;

  // The line of a key, or of the nearest table around it; 0 when nothing of it was written.
  int LineOf(std::string_view key) const;
  // The line of the element `value` of the list `key` (several lists may be tried by the caller).
  int LineOfElement(std::string_view key, const std::vector<std::string>& list,
                    std::string_view value) const;
  // An error about `key`: FILE:LINE: message.
  std::unexpected<Error> ErrorAt(std::string_view key, std::string message) const;

  const std::string& InitOf(Form form) const {
    return form == Form::kImage ? image.init : initrd.init;
  }
};

// Parses and checks the text of a definition. `file` is for messages, `folder` (absolute) is where
// relative paths start. Every error is of kind kBadInput with file and line, and says what would be
// right. Touches no file except to see whether those that are named exist.
Result<Definition> ParseDefinition(std::string_view text, std::string file, std::string folder);

// Reads the definition at `path`: an image.toml, or a folder that has one.
Result<Definition> LoadDefinition(const std::string& path);

}  // namespace inro::image

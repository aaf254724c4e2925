#include "image/definition/cross_checks.h"

#include <sys/stat.h>

#include "image/definition/checks.h"
#include "image/definition/settings.h"

namespace inro::image {
namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr std::uint64_t kSmallestDisk = 8 * kMebibyte;  // boot records, DAX header, ext4's own
constexpr std::uint64_t kLargestDisk = std::uint64_t{1} << 40;  // more than any guest root

bool IsFolder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<> CheckRequired(const Definition& d) {
  for (const Setting<Definition>& row : DefinitionSettings()) {
    if (!row.required || d.lines.contains(std::string(row.key))) continue;
    return d.ErrorAt(row.key, fmt::format("'{}' is missing: add {} = {} below [{}]", row.key,
                                          row.key.substr(row.key.rfind('.') + 1), row.example,
                                          row.key.substr(0, row.key.rfind('.'))));
  }
  return {};
}

Result<> FillNames(Definition& d) {
  if (d.name.empty()) {
    d.name = d.folder.substr(d.folder.rfind('/') + 1);
    if (const std::string wrong = CheckName(d.name); !wrong.empty()) {
      return d.ErrorAt(
          "name", fmt::format("the folder's name is the definition's: {}; or set name", wrong));
    }
  }
  if (d.hostname.empty()) {
    if (const std::string wrong = CheckHostName(d.name); !wrong.empty()) {
      return d.ErrorAt("hostname",
                       fmt::format("the name is also the host name: {}; or set hostname", wrong));
    }
    d.hostname = d.name;
  }
  return {};
}

Result<> CheckSource(const Definition& d) {
  const bool packages =
      d.source.kind == SourceKind::kApt || d.source.kind == SourceKind::kMmdebstrap;
  const std::string_view kind = kSourceKinds[static_cast<std::size_t>(d.source.kind)];
  if (!d.source.tag.empty() && d.source.kind != SourceKind::kOci) {
    return d.ErrorAt("source.tag",
                     fmt::format("source.tag is for kind = \"oci\", not \"{}\": remove it", kind));
  }
  if (packages) {
    if (d.source.packages.empty()) {
      return d.ErrorAt("source.packages",
                       "no packages: add packages = [\"chrony\"] or others below [source]");
    }
    if (!d.source.path.empty()) {
      return d.ErrorAt(
          "source.path",
          fmt::format("source.path is for kind = \"tar\", \"directory\" or \"oci\", not \"{}\": "
                      "remove it",
                      kind));
    }
    return {};
  }
  if (d.source.path.empty()) {
    return d.ErrorAt("source.kind",
                     fmt::format("kind = \"{}\" needs a path: add path = \"...\" below "
                                 "[source]",
                                 kind));
  }
  // A layout may be a folder or an archive.
  if (d.source.kind != SourceKind::kOci &&
      IsFolder(d.source.path) != (d.source.kind == SourceKind::kDirectory)) {
    return d.ErrorAt("source.path",
                     d.source.kind == SourceKind::kDirectory
                         ? "source.path is not a folder: name one, or use kind = \"tar\""
                         : "source.path is a folder: name an archive, or use kind = \"directory\"");
  }
  for (const auto& [key, list] : {std::pair("source.packages", &d.source.packages),
                                  std::pair("source.exclude", &d.source.exclude),
                                  std::pair("image.packages", &d.image.packages),
                                  std::pair("initrd.packages", &d.initrd.packages)}) {
    if (!list->empty()) {
      return d.ErrorAt(key,
                       fmt::format("{} cannot be added to a source of kind \"{}\": remove them, "
                                   "or use kind = \"apt\"",
                                   key, kind));
    }
  }
  return {};
}

Result<> CheckKernel(const Definition& d) {
  if (d.kernel.file.empty()) {
    for (std::string_view key : {"kernel.config", "kernel.modules_folder", "kernel.builtin"}) {
      if (d.lines.contains(std::string(key))) {
        return d.ErrorAt(key,
                         fmt::format("{} describes a kernel of your own: add file = \"...\" below "
                                     "[kernel], or remove it",
                                     key));
      }
    }
    return {};
  }
  for (std::string_view key : {"kernel.package", "kernel.suite"}) {
    if (d.lines.contains(std::string(key))) {
      return d.ErrorAt(key, fmt::format("{} and kernel.file exclude each other: remove one", key));
    }
  }
  if (IsFolder(d.kernel.file))
    return d.ErrorAt("kernel.file", "kernel.file is a folder: name a kernel");
  if (!d.kernel.modules_folder.empty() && !IsFolder(d.kernel.modules_folder)) {
    return d.ErrorAt("kernel.modules_folder",
                     "kernel.modules_folder is not a folder: name lib/modules/VERSION");
  }
  return {};
}

Result<> CheckSizes(const Definition& d) {
  const ImageSettings& image = d.image;
  const bool power = image.align != 0 && (image.align & (image.align - 1)) == 0;
  if (!power || image.align < 2 * kMebibyte || image.align > 1024 * kMebibyte) {
    return d.ErrorAt("image.align",
                     "image.align must be a power of two from 2M to 1G, such as \"2M\"");
  }
  if (image.size != 0) {
    if (image.size < kSmallestDisk || image.size > kLargestDisk) {
      return d.ErrorAt("image.size",
                       fmt::format("a disk of {} bytes is impossible: from 8M to 1T", image.size));
    }
    if (image.size % image.align != 0) {
      return d.ErrorAt(
          "image.size",
          fmt::format("image.size = {} is no multiple of image.align = {}: the next one is "
                      "{}",
                      image.size, image.align, (image.size / image.align + 1) * image.align));
    }
  }
  if (image.free > kLargestDisk) {
    return d.ErrorAt("image.free", "image.free is more than 1T: write a smaller size");
  }
  if (image.format == DiskFormat::kErofs && d.lines.contains("image.free") && image.free != 0) {
    return d.ErrorAt("image.free",
                     "an EROFS has no free space: remove image.free, or use format = "
                     "\"ext4\"");
  }
  return {};
}

Result<> CheckForms(const Definition& d) {
  if (d.initrd.layout == InitrdLayout::kNested &&
      d.initrd.compression != InitrdCompression::kNone) {
    return d.ErrorAt(
        "initrd.compression",
        "the body of a nested initrd is compressed by EROFS already: remove compression, "
        "or use layout = \"flat\"");
  }
  return {};
}

Result<> CheckAgent(const Definition& d) {
  if (d.agent.kind == AgentKind::kInro) {
    for (std::string_view key : {"agent.binary", "agent.unit"}) {
      if (d.lines.contains(std::string(key))) {
        return d.ErrorAt(key,
                         fmt::format("{} is for an agent of your own: add kind = \"binary\" below "
                                     "[agent]",
                                     key));
      }
    }
    return {};
  }
  if (d.agent.binary.empty()) {
    return d.ErrorAt("agent.kind",
                     "kind = \"binary\" needs an agent: add binary = \"...\" below [agent]");
  }
  if (IsFolder(d.agent.binary)) {
    return d.ErrorAt("agent.binary", "agent.binary is a folder: name a program");
  }
  return {};
}

Result<> CheckServices(const Definition& d) {
  for (const std::string& unit : d.services.units) {
    const std::string name = unit.substr(unit.rfind('/') + 1);
    const int line = d.LineOfElement("services.units", d.services.units, unit);
    std::string wrong = CheckUnitName(name);
    if (wrong.empty() && IsFolder(unit))
      wrong = fmt::format("'{}' is a folder: name a unit file", unit);
    if (!wrong.empty()) {
      return std::unexpected(Error::InFile(d.file, line, fmt::format("services.units: {}", wrong)));
    }
  }
  for (const std::string& unit : d.services.mask) {
    if (std::find(d.services.enable.begin(), d.services.enable.end(), unit) !=
        d.services.enable.end()) {
      return std::unexpected(Error::InFile(
          d.file, d.LineOfElement("services.mask", d.services.mask, unit),
          fmt::format("'{}' is both enabled and masked: remove it from one of both lists", unit)));
    }
  }
  return {};
}

Result<> CheckFiles(const Definition& d) {
  for (const FileSettings& entry : d.files) {
    if (entry.source.empty() == !entry.content.has_value()) {
      return std::unexpected(
          Error::InFile(d.file, entry.line,
                        fmt::format("the file {} needs one of source and content: {}", entry.path,
                                    entry.content ? "remove one" : "add one")));
    }
  }
  return {};
}

Result<> CheckUsers(const Definition& d) {
  for (std::size_t i = 0; i < d.users.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const UserSettings& user = d.users[i];
      if (user.name == d.users[j].name) {
        return std::unexpected(
            Error::InFile(d.file, user.line,
                          fmt::format("the user '{}' is declared in line {} already", user.name,
                                      d.users[j].line)));
      }
      if (user.uid && user.uid == d.users[j].uid) {
        return std::unexpected(Error::InFile(
            d.file, user.line,
            fmt::format("the number {} is that of the user '{}' already: choose another", *user.uid,
                        d.users[j].name)));
      }
    }
  }
  return {};
}

Result<> CheckExtensions(const Definition& d) {
  for (std::size_t i = 0; i < d.extensions.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (d.extensions[i].name != d.extensions[j].name) continue;
      return std::unexpected(
          Error::InFile(d.file, d.extensions[i].line,
                        fmt::format("the extension '{}' is declared in line {} already",
                                    d.extensions[i].name, d.extensions[j].line)));
    }
  }
  return {};
}

}  // namespace

Result<> CheckDefinition(Definition& definition) {
  INRO_TRY(CheckRequired(definition));
  INRO_TRY(FillNames(definition));
  INRO_TRY(CheckSource(definition));
  INRO_TRY(CheckKernel(definition));
  INRO_TRY(CheckSizes(definition));
  INRO_TRY(CheckForms(definition));
  INRO_TRY(CheckAgent(definition));
  INRO_TRY(CheckServices(definition));
  INRO_TRY(CheckFiles(definition));
  INRO_TRY(CheckUsers(definition));
  return CheckExtensions(definition);
}

}  // namespace inro::image

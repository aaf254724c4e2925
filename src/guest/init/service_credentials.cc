#include "guest/init/service_credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/scope_guard.h"
#include "base/unique_fd.h"
#include "sys/remove_tree.h"

namespace inro::guest {
namespace {

constexpr std::size_t kMaxCredential = 1 << 20;
constexpr std::size_t kMaxAll = 1 << 20;
// Where credentials of the system are looked for, by name.
constexpr const char* kStores[] = {"/run/credentials/@system/", "/etc/credstore/",
                                   "/run/credstore/", "/usr/local/lib/credstore/",
                                   "/usr/lib/credstore/"};

using Credentials = std::map<std::string, std::string>;

Result<> LoadOne(const unit::CredentialSetting& setting, const sys::FileSource& files,
                 Credentials& found) {
  if (setting.path.starts_with('/')) {
    const auto text = files.Read(setting.path, kMaxCredential);
    if (text) {
      found.try_emplace(setting.id, *text);
      return {};
    }
    const auto names = files.List(setting.path);
    for (const std::string& name : names) {
      INRO_ASSIGN(std::string content, files.Read(setting.path + "/" + name, kMaxCredential));
      found.try_emplace(setting.id + "_" + name, std::move(content));
    }
    if (names.empty()) return std::unexpected(text.error());
    return {};
  }
  for (const char* store : kStores) {
    if (auto text = files.Read(store + setting.path, kMaxCredential)) {
      found.try_emplace(setting.id, std::move(*text));
      return {};
    }
  }
  // A credential of the system may be absent (systemd.exec(5)): the service sees none.
  return {};
}

std::string FolderOf(const unit::Unit& unit, const std::string& root) {
  return root + "/run/credentials/" + unit.name;
}

Result<> WriteOne(int folder, const std::string& name, const std::string& content,
                  const DirectoryOwner& owner) {
  const UniqueFd fd(
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400));
  if (!fd ||
      ::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return FailErrno("write credential {}", name);
  }
  if (::fchown(fd.get(), owner.uid, owner.gid) != 0) return FailErrno("hand over {}", name);
  return {};
}

}  // namespace

Result<std::string> MakeCredentials(const unit::Unit& unit, const unit::ExecSettings& exec,
                                    const DirectoryOwner& owner, const sys::FileSource& files,
                                    const std::string& root) {
  if (exec.credentials.empty()) return std::string();
  std::string path = FolderOf(unit, root);
  Credentials found;
  const auto set = [&](const std::string& id) {
    return std::ranges::find_if(exec.credentials, [&](const unit::CredentialSetting& setting) {
      return setting.path.empty() && setting.id == id;
    });
  };
  for (const unit::CredentialSetting& setting : exec.credentials) {
    if (setting.path.empty()) continue;
    const auto loaded = LoadOne(setting, files, found);
    // SetCredential= of the same name is for that case.
    if (!loaded && set(setting.id) == exec.credentials.end()) {
      return std::unexpected(loaded.error().Wrap("LoadCredential="));
    }
  }
  std::size_t size = 0;
  for (const unit::CredentialSetting& setting : exec.credentials) {
    if (setting.path.empty()) found.try_emplace(setting.id, setting.content);
  }
  for (const auto& [name, content] : found) size += content.size();
  if (size > kMaxAll) return Fail("its credentials are {} bytes, over {}", size, kMaxAll);
  ::mkdir((root + "/run/credentials").c_str(), 0755);
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return path;
    return FailErrno("make {}", path);
  }
  ScopeGuard remove([&] { static_cast<void>(sys::RemoveTree(path)); });
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder) return FailErrno("open {}", path);
  for (const auto& [name, content] : found) {
    INRO_TRY(WriteOne(folder.get(), name, content, owner));
  }
  if (::fchown(folder.get(), owner.uid, owner.gid) != 0 || ::fchmod(folder.get(), 0500) != 0) {
    return FailErrno("hand over {}", path);
  }
  remove.Dismiss();
  return path;
}

void RemoveCredentials(const unit::Unit& unit, const std::string& root) {
  // Few and small: removed at once.
  static_cast<void>(sys::RemoveTree(FolderOf(unit, root)));
}

}  // namespace inro::guest

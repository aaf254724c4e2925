#include "guest/agent/sandbox.h"

#include <sys/mount.h>

#include "guest/agent/storage.h"
#include "sys/file.h"
#include "sys/remove_tree.h"

namespace inro::guest::agent {
namespace {

bool IsIdByte(char byte, bool first) {
  const bool alphanumeric =
      (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  return alphanumeric || (!first && (byte == '.' || byte == '_' || byte == '-'));
}

// Ids become names of folders. Kata's agent takes an empty sandbox id too.
Result<> CheckId(std::string_view id) {
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (!IsIdByte(id[i], i == 0)) return FailAs(ErrorKind::kBadInput, "bad sandbox id \"{}\"", id);
  }
  return {};
}

}  // namespace

Result<> Sandbox::Create(const protocol::CreateSandboxRequest& request) {
  INRO_TRY(CheckId(request.sandbox_id));
  Destroy();
  Result<> done = SetUp(request);
  if (!done) Destroy();
  return done;
}

Result<> Sandbox::SetUp(const protocol::CreateSandboxRequest& request) {
  // Fails where something is still mounted: behind it are the host's files.
  INRO_TRY(sys::RemoveTree(paths_.root));
  INRO_TRY(sys::MakeDirectories(paths_.root + "/sandbox"));
  id_ = request.sandbox_id;
  for (const protocol::KernelModule& module : request.kernel_modules) {
    if (module.name.empty() || module.name.starts_with('-')) {
      return FailAs(ErrorKind::kBadInput, "bad kernel module name \"{}\"", module.name);
    }
    INRO_TRY(kernel_.LoadModule(module.name, module.parameters));
  }
  INRO_TRY(kernel_.HoldNamespaces(paths_.namespaces, request.hostname));
  for (const protocol::Storage& storage : request.storages) {
    INRO_ASSIGN(const bool mounted, AddStorage(mounts_, paths_.sysfs, storage));
    if (mounted) mounted_.push_back(storage.mount_point);
  }
  return SetDns(request.dns);
}

Result<> Sandbox::SetDns(const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  const std::string source = paths_.root + "/sandbox/resolv.conf";
  INRO_TRY(sys::WriteFile(source, text));
  if (!sys::Exists(paths_.resolv_conf)) {
    log_.Write(protocol::LogLevel::kWarn, "sandbox", "no resolv.conf to put the DNS servers over",
               {{"path", paths_.resolv_conf}});
    return {};
  }
  INRO_TRY(mounts_.Mount(source, paths_.resolv_conf, "bind", MS_BIND, ""));
  mounted_.push_back(paths_.resolv_conf);
  return {};
}

void Sandbox::Destroy() {
  while (!mounted_.empty()) {
    if (auto done = mounts_.Unmount(mounted_.back(), MNT_DETACH); !done) {
      log_.Write(protocol::LogLevel::kWarn, "sandbox", "cannot unmount",
                 {{"path", mounted_.back()}, {"error", done.error().ToString()}});
    }
    mounted_.pop_back();
  }
  id_.clear();
}

}  // namespace inro::guest::agent

#include "guest/agent/online.h"

#include <algorithm>
#include <string_view>
#include <thread>

#include "sys/directory.h"
#include "sys/file.h"

namespace inro::guest::agent {
namespace {

bool IsNumbered(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  return std::ranges::all_of(name.substr(prefix.size()),
                             [](char byte) { return byte >= '0' && byte <= '9'; });
}

}  // namespace

HotplugOnline::HotplugOnline(Options options) : options_(std::move(options)) {
  known_ = CountOnline();
}

// A processor that cannot be switched off has no file `online`.
int HotplugOnline::CountOnline() const {
  const std::string folder = options_.sysfs + "/devices/system/cpu";
  const auto names = sys::ListDirectory(folder);
  if (!names) return 0;
  int count = 0;
  for (const std::string& name : *names) {
    if (!IsNumbered(name, "cpu")) continue;
    if (!sys::ReadFile(folder + "/" + name + "/online").value_or("1").starts_with('0')) ++count;
  }
  return count;
}

Result<> HotplugOnline::OnlineCpus(std::uint32_t count) {
  const std::string folder = options_.sysfs + "/devices/system/cpu";
  for (int attempt = 0; attempt < options_.tries; ++attempt) {
    INRO_ASSIGN(const auto names, sys::ListDirectory(folder));
    for (const std::string& name : names) {
      const std::string path = folder + "/" + name + "/online";
      const bool wanted = CountOnline() - known_ < static_cast<std::int64_t>(count);
      if (!wanted || !IsNumbered(name, "cpu")) continue;
      // One that refuses now may follow at the next try.
      if (sys::ReadFile(path).value_or("1").starts_with('0')) {
        static_cast<void>(sys::WriteFile(path, "1"));
      }
    }
    const int online = CountOnline();
    if (online - known_ >= static_cast<std::int64_t>(count)) {
      known_ = online;
      return {};
    }
    if (options_.sleep) {
      options_.sleep(options_.pause);
    } else {
      std::this_thread::sleep_for(options_.pause);
    }
  }
  const int online = CountOnline();
  const int came = online - known_;
  known_ = online;
  return Fail("{} processors were to come online, {} did", count, came);
}

Result<int> HotplugOnline::OnlineMemory() {
  const std::string folder = options_.sysfs + "/devices/system/memory";
  const auto names = sys::ListDirectory(folder);
  if (!names) {
    // A kernel without memory hot-plug has no such folder.
    if (names.error().kind() == ErrorKind::kNotFound) return 0;
    return std::unexpected(names.error());
  }
  int count = 0;
  for (const std::string& name : *names) {
    if (!IsNumbered(name, "memory")) continue;
    const std::string path = folder + "/" + name + "/state";
    if (!sys::ReadFile(path).value_or("").starts_with("offline")) continue;
    INRO_TRY(sys::WriteFile(path, "online"));
    ++count;
  }
  return count;
}

}  // namespace inro::guest::agent

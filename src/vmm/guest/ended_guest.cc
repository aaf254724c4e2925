#include "vmm/guest/ended_guest.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "base/stable_sort.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace inro::vmm {
namespace {

constexpr std::size_t kLargestLog = std::size_t{64} << 20;

// The end of a log; one that is not there, or too long to look at, is left out.
void CopyTail(const std::string& from, const std::string& to) {
  const auto text = sys::ReadFile(from, kLargestLog);
  if (!text) return;
  const std::size_t size = std::min(text->size(), kEndedLogBytes);
  (void)sys::WriteFile(to, std::string_view(*text).substr(text->size() - size), 0600);
}

}  // namespace

std::string EndedGuestsRoot() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return fmt::format("{}/inro/guests", state);
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fmt::format("{}/.local/state/inro/guests", home);
  return "";
}

Result<> KeepEndedGuest(const RunPaths& run, const std::string& end) {
  const std::string root = EndedGuestsRoot();
  if (root.empty()) return {};
  INRO_ASSIGN(GuestRecord record, ReadGuestRecord(run));
  record.end = end;
  record.ended_at = std::time(nullptr);
  const RunPaths kept{root + run.folder.substr(run.folder.rfind('/'))};
  INRO_TRY(sys::RemoveAll(kept.folder));
  INRO_TRY(sys::MakeDirectories(kept.folder, 0700));
  CopyTail(run.console_log(), kept.console_log());
  CopyTail(run.log(), kept.log());
  INRO_TRY(WriteGuestRecord(kept, record));
  const std::vector<EndedGuest> all = EndedGuests();
  for (std::size_t i = kEndedKept; i < all.size(); ++i) (void)sys::RemoveAll(all[i].folder);
  return {};
}

std::vector<EndedGuest> EndedGuests() {
  std::vector<EndedGuest> guests;
  const std::string root = EndedGuestsRoot();
  if (root.empty()) return guests;
  const auto names = sys::ListDirectory(root);
  if (!names) return guests;
  for (const std::string& name : *names) {
    const std::string folder = root + "/" + name;
    auto record = ReadGuestRecord({folder});
    if (record) guests.push_back({std::move(*record), folder});
  }
  StableSort(guests, std::ranges::greater(),
             [](const EndedGuest& guest) { return guest.record.ended_at; });
  return guests;
}

}  // namespace inro::vmm

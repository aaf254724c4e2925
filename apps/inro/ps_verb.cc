// `inro ps`: the guests that run, and those that have ended.
#include <ctime>
#include <nlohmann/json.hpp>

#include "text_table.h"
#include "verbs.h"
#include "vmm/guest/ended_guest.h"
#include "vmm/host/running_guest.h"

namespace inro::cli {
namespace {

// "12 s", "5 min", "3 h", "2 d": as precise as one cares.
std::string Span(std::int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string Text(const std::vector<vmm::GuestListing>& running,
                 const std::vector<vmm::EndedGuest>& ended) {
  TextTable table({"NAME", "STATE", "PID", "FORM", "INIT", "MEMORY", "UPTIME", "ARTIFACT"});
  for (const vmm::GuestListing& guest : running) {
    table.AddRow({guest.record.name, std::string(Word(guest.condition)),
                  std::to_string(guest.record.supervisor_pid), OrDash(guest.record.form),
                  OrDash(guest.record.init),
                  fmt::format("{}/{} MiB", guest.resident_kib / 1024, guest.record.memory_mib),
                  Span(guest.uptime.count()), OrDash(guest.record.artifact)});
  }
  for (const vmm::EndedGuest& guest : ended) {
    table.AddRow({guest.record.name, "ended", "-", OrDash(guest.record.form),
                  OrDash(guest.record.init), "-",
                  Span(std::time(nullptr) - guest.record.ended_at) + " ago",
                  fmt::format("{}; logs: {}", guest.record.end, guest.folder)});
  }
  return table.ToString();
}

nlohmann::ordered_json Common(const vmm::GuestRecord& record) {
  return {{"name", record.name},
          {"artifact", record.artifact},
          {"form", record.form},
          {"init", record.init},
          {"memory_mib", record.memory_mib},
          {"cpus", record.cpus},
          {"started_at", record.started_at},
          {"ready_ms", record.ready_ms}};
}

std::string Json(const std::vector<vmm::GuestListing>& running,
                 const std::vector<vmm::EndedGuest>& ended, bool all) {
  nlohmann::ordered_json document = {{"schema", "inro-ps/1"},
                                     {"guests", nlohmann::ordered_json::array()}};
  for (const vmm::GuestListing& guest : running) {
    nlohmann::ordered_json entry = Common(guest.record);
    entry["state"] = Word(guest.condition);
    entry["pid"] = guest.record.supervisor_pid;
    entry["qemu_pid"] = guest.record.qemu_pid;
    entry["owner_pid"] = guest.record.owner_pid;
    entry["detached"] = guest.record.owner_pid == guest.record.supervisor_pid;
    entry["resident_kib"] = guest.resident_kib;
    entry["uptime_s"] = guest.uptime.count();
    const bool kernel = guest.record.vsock == vmm::VsockMode::kKernel;
    entry["vsock"] = kernel ? fmt::format("vsock://{}", guest.record.cid) : guest.socket;
    document["guests"].push_back(std::move(entry));
  }
  if (all) document["ended"] = nlohmann::ordered_json::array();
  for (const vmm::EndedGuest& guest : ended) {
    nlohmann::ordered_json entry = Common(guest.record);
    entry["ended_at"] = guest.record.ended_at;
    entry["end"] = guest.record.end;
    entry["folder"] = guest.folder;
    document["ended"].push_back(std::move(entry));
  }
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

class PsVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"-a,--all", "", &all_, "Detached guests that have ended, too"},
        {"--format", "", &format_, "How to print them", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    int swept = 0;
    const std::vector<vmm::GuestListing> running = vmm::ListGuests(&swept);
    if (swept > 0) {
      session.progress.Note(
          fmt::format("removed what {} guest{} left behind that died with {} "
                      "supervisor",
                      swept, swept == 1 ? "" : "s", swept == 1 ? "its" : "their"));
    }
    std::vector<vmm::EndedGuest> ended;
    if (all_) ended = vmm::EndedGuests();
    INRO_TRY(Print(format_ == "json" ? Json(running, ended, all_) : Text(running, ended)));
    return 0;
  }

 private:
  bool all_ = false;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakePsVerb() { return std::make_unique<PsVerb>(); }

}  // namespace inro::cli

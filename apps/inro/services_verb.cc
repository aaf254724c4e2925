// `inro services`: the units of a guest, under either init.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/log_message.h"
#include "protocol/service_message.h"
#include "text_table.h"
#include "verbs.h"
#include "vmm/control/control_call.h"
#include "vmm/host/log_entry.h"
#include "vmm/host/log_filter.h"

namespace inro::cli {
namespace {

constexpr std::chrono::seconds kReadLimit{30};
constexpr std::chrono::seconds kChangeLimit{150};
constexpr std::string_view kChanges[] = {"start", "stop", "restart", "reload", "reset-failed"};

using protocol::Service;

// One call of a service that is not Control's own.
template <protocol::MessageStruct Response, protocol::MessageStruct Request>
Result<Response> Ask(wire::Client& client, std::string_view service, std::string_view method,
                     const Request& request, std::chrono::milliseconds limit) {
  wire::Request call{.service = std::string(service), .method = std::string(method)};
  call.payload = protocol::Encode(request);
  const auto deadline = wire::Client::Clock::now() + limit;
  INRO_ASSIGN(const auto stream, client.Start(call, deadline));
  INRO_ASSIGN(const wire::Response answer, client.Finish(stream, deadline));
  if (answer.status.code != wire::Code::kOk) return vmm::ControlError(method, answer.status);
  Response response;
  if (!protocol::Decode(answer.payload, response)) return Fail("{}: a malformed answer", method);
  return response;
}

std::string SizeText(std::uint64_t bytes) {
  if (bytes == 0) return "-";
  if (bytes < (1U << 20)) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string CpuText(std::uint64_t us) {
  return us == 0 ? "-" : fmt::format("{:.3f} s", static_cast<double>(us) / 1e6);
}

// Why a unit is not as it should be; empty when all is well.
std::string Why(const Service& service) {
  if (service.load != "loaded" && !service.load.empty()) return service.load;
  if (service.active != "failed" && (service.result.empty() || service.result == "success")) {
    return "";
  }
  std::string text = service.result;
  if (service.exit_code == 1) text += fmt::format(" (exited with {})", service.exit_status);
  if (service.exit_code > 1) text += fmt::format(" (killed by signal {})", service.exit_status);
  return text;
}

nlohmann::ordered_json Json(const Service& service) {
  return {{"unit", service.name},
          {"description", service.description},
          {"load", service.load},
          {"active", service.active},
          {"sub", service.sub},
          {"pid", service.pid},
          {"memory_bytes", service.memory_bytes},
          {"cpu_us", service.cpu_us},
          {"restarts", service.restarts},
          {"result", service.result},
          {"why", Why(service)},
          {"status", service.status},
          {"since_us", service.since_us},
          {"file", service.file}};
}

std::string Dump(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

class ServicesVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"GUEST", "", &guest_, "Name of a guest, vsock://CID, or a hybrid socket", {}, true},
        {"ACTION",
         "",
         &action_,
         "list (what it does anyway), status, start, stop, restart, reload, reset-failed",
         {"list", "status", "start", "stop", "restart", "reload", "reset-failed"}},
        {"UNIT", "", &unit_, "The unit; without a suffix it is a service"},
        {"-a,--all", "", &all_, "Units that are not active too, and all kinds"},
        {"-n,--lines", "N", &lines_, "Lines of the log that status shows (default: 10)"},
        {"--format", "", &format_, "How to print it", {"text", "json"}},
    };
  }

  Result<int> Run(Session&) override {
    if (action_.empty()) action_ = "list";
    const bool list = action_ == "list";
    if (!list && unit_.empty()) {
      return FailAs(ErrorKind::kBadInput, "{}: which unit? inro services {} {} UNIT", action_,
                    guest_, action_);
    }
    INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(guest_));
    INRO_ASSIGN(const auto control, vmm::ConnectControl(guest));
    if (!unit_.empty() && unit_.find('.') == unit_.npos) unit_ += ".service";
    if (list) return List(*control);
    if (action_ == "status") return Status(*control);
    return Change(*control);
  }

 private:
  Result<protocol::ServicesResponse> Read(wire::Client& control) const {
    return Ask<protocol::ServicesResponse>(control, protocol::kServicesService, "List",
                                           protocol::ServicesRequest{unit_}, kReadLimit);
  }

  bool Shown(const Service& service) const {
    if (all_ || !unit_.empty()) return true;
    const bool kind = service.name.ends_with(".service") || service.name.ends_with(".socket") ||
                      service.name.ends_with(".timer");
    return kind ? service.active != "inactive" : service.active == "failed";
  }

  Result<int> List(wire::Client& control) const {
    INRO_ASSIGN(const protocol::ServicesResponse response, Read(control));
    TextTable table({"UNIT", "STATE", "PID", "MEMORY", "CPU", "RESTARTS", "WHY"});
    nlohmann::ordered_json units = nlohmann::ordered_json::array();
    for (const Service& service : response.services) {
      if (!Shown(service)) continue;
      units.push_back(Json(service));
      table.AddRow({service.name, fmt::format("{} ({})", service.active, service.sub),
                    service.pid == 0 ? "-" : std::to_string(service.pid),
                    SizeText(service.memory_bytes), CpuText(service.cpu_us),
                    std::to_string(service.restarts), Why(service)});
    }
    if (format_ == "json") {
      INRO_TRY(Print(
          Dump({{"schema", "inro-services/1"}, {"guest", guest_}, {"units", std::move(units)}})));
    } else {
      INRO_TRY(Print(table.ToString()));
    }
    return 0;
  }

  // The last lines that the unit has logged; none where no collector keeps them.
  std::vector<std::string> LastLines(wire::Client& control) const {
    std::vector<std::string> kept;
    vmm::LogFilterWords words;
    words.units = {unit_};
    const auto filter = vmm::LogFilter::Create(words, 0);
    std::uint64_t after = 0;
    while (filter) {
      const auto answer =
          Ask<protocol::LogReadResponse>(control, protocol::kLogService, "Read",
                                         protocol::LogReadRequest{after, 0, 0}, kReadLimit);
      if (!answer || answer->lines.empty()) break;
      for (const std::string& line : answer->lines) {
        const vmm::LogEntry entry = vmm::ParseLogEntry(line);
        after = std::max(after + 1, entry.seq);
        if (filter->Wants(entry) && entry.lost == 0) kept.push_back(line);
      }
      const std::uint64_t most = lines_.value_or(10);
      if (kept.size() > most) kept.erase(kept.begin(), kept.end() - static_cast<long>(most));
    }
    return kept;
  }

  Result<int> Status(wire::Client& control) const {
    INRO_ASSIGN(const protocol::ServicesResponse response, Read(control));
    if (response.services.empty() || response.services.front().load == "not-found") {
      return FailAs(ErrorKind::kBadInput, "{}: the guest has no such unit", unit_);
    }
    const Service& service = response.services.front();
    const std::vector<std::string> lines = LastLines(control);
    if (format_ == "json") {
      nlohmann::ordered_json document = {{"schema", "inro-services/1"}, {"guest", guest_}};
      document["units"] = nlohmann::ordered_json::array({Json(service)});
      document["log"] = lines;
      INRO_TRY(Print(Dump(document)));
    } else {
      std::string text = fmt::format("{}: {}\nstate     {} ({})", service.name, service.description,
                                     service.active, service.sub);
      if (service.since_us != 0 && response.monotonic_us >= service.since_us) {
        text += fmt::format(", for {:.1f} s",
                            static_cast<double>(response.monotonic_us - service.since_us) / 1e6);
      }
      text += fmt::format("\nfile      {}\n", service.file.empty() ? "-" : service.file);
      if (service.pid != 0) text += fmt::format("pid       {}\n", service.pid);
      text +=
          fmt::format("memory    {}\ncpu       {}\nrestarts  {}\n", SizeText(service.memory_bytes),
                      CpuText(service.cpu_us), service.restarts);
      if (!service.status.empty()) text += fmt::format("status    {}\n", service.status);
      if (const std::string why = Why(service); !why.empty()) {
        text += fmt::format("why       {}\n", why);
      }
      if (!lines.empty()) text += "\n";
      for (const std::string& line : lines) {
        text += vmm::FormatLogEntry(vmm::ParseLogEntry(line), vmm::LogStyle::kText, false);
      }
      INRO_TRY(Print(text));
    }
    return service.active == "active" || service.active == "reloading" ? 0 : 1;
  }

  Result<int> Change(wire::Client& control) const {
    if (std::ranges::find(kChanges, action_) == std::end(kChanges)) {
      return FailAs(ErrorKind::kBadInput, "{}: no such action", action_);
    }
    INRO_ASSIGN(const auto done, Ask<protocol::ServiceChangeResponse>(
                                     control, protocol::kServicesService, "Change",
                                     protocol::ServiceChangeRequest{action_, unit_}, kChangeLimit));
    if (done.code != 0) {
      std::string text = done.text;
      while (text.ends_with('\n')) text.pop_back();
      return Fail("{} {}: {}", action_, unit_, text);
    }
    if (format_ == "json") {
      INRO_ASSIGN(const protocol::ServicesResponse response, Read(control));
      nlohmann::ordered_json document = {{"schema", "inro-services/1"}, {"guest", guest_}};
      document["units"] = nlohmann::ordered_json::array();
      for (const Service& service : response.services) document["units"].push_back(Json(service));
      INRO_TRY(Print(Dump(document)));
    }
    return 0;
  }

  std::string guest_;
  std::string action_;
  std::string unit_;
  bool all_ = false;
  std::optional<std::uint64_t> lines_;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeServicesVerb() { return std::make_unique<ServicesVerb>(); }

}  // namespace inro::cli

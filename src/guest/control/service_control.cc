#include "guest/control/service_control.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "guest/control/process_table.h"
#include "protocol/unit_text.h"
#include "sys/subprocess.h"

namespace inro::guest::control {
namespace {

using protocol::Service;

constexpr std::chrono::seconds kReadLimit{20};
constexpr std::chrono::seconds kChangeLimit{120};
constexpr std::string_view kVerbs[] = {
    "start", "stop", "restart", "try-restart", "reload", "reload-or-restart", "reset-failed"};

struct Key {
  std::string_view property;
  std::string Service::* text = nullptr;
  std::uint32_t Service::* number = nullptr;
  std::uint64_t Service::* large = nullptr;
};
constexpr Key kKeys[] = {
    {"Id", &Service::name},
    {"Description", &Service::description},
    {"LoadState", &Service::load},
    {"ActiveState", &Service::active},
    {"SubState", &Service::sub},
    {"MainPID", nullptr, &Service::pid},
    {"MemoryCurrent", nullptr, nullptr, &Service::memory_bytes},
    {"CPUUsageNSec", nullptr, nullptr, &Service::cpu_us},
    {"NRestarts", nullptr, &Service::restarts},
    {"Result", &Service::result},
    {"ExecMainCode", nullptr, &Service::exit_code},
    {"ExecMainStatus", nullptr, &Service::exit_status},
    {"StatusText", &Service::status},
    {"StateChangeTimestampMonotonic", nullptr, nullptr, &Service::since_us},
    {"FragmentPath", &Service::file},
};

// What is no number ("[not set]") is 0, as is the number that stands for "not set".
std::uint64_t Number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value != ~std::uint64_t{0} ? value : 0;
}

// A unit's name or a pattern, and never an option.
bool IsUnitWord(std::string_view text) {
  return !text.empty() && text.size() < 256 && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

// A controller counts a unit's memory only from when it was turned on, which init = inro does for
// units with limits: what the unit's processes have is asked of themselves, too.
void FillMemory(std::vector<Service>& services) {
  const auto processes = ReadProcesses();
  if (!processes) return;
  std::map<std::string_view, std::uint64_t> resident;
  std::size_t walked = 0;
  for (const Process& process : *processes) {
    if (process.unit.empty() || process.kernel_thread || ++walked > kMostWalked) continue;
    resident[process.unit] += ReadResident(process.pid).pss_kib * 1024;
  }
  for (Service& service : services) {
    const auto own = resident.find(service.name);
    if (own != resident.end()) service.memory_bytes = std::max(service.memory_bytes, own->second);
  }
}

void AnswerList(const wire::Call& call, wire::Responder responder) {
  protocol::ServicesRequest request;
  if (!protocol::Decode(call.request.payload, request) ||
      (!request.unit.empty() && !IsUnitWord(request.unit))) {
    return responder.Fail(wire::Code::kInvalidArgument, "malformed ServicesRequest");
  }
  std::string properties;
  for (const Key& key : kKeys)
    properties += fmt::format("{}{}", properties.empty() ? "" : ",", key.property);
  const auto output =
      sys::Run({"systemctl", "--no-pager", "show", request.unit.empty() ? "*" : request.unit,
                "--property=" + properties},
               {.timeout = kReadLimit});
  if (!output || output->status != 0) {
    return responder.Fail(wire::Code::kUnavailable,
                          output ? "systemctl: " + output->err : output.error().ToString());
  }
  protocol::ServicesResponse response;
  response.services = ParseServices(output->out);
  FillMemory(response.services);
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  response.monotonic_us = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
                          static_cast<std::uint64_t>(now.tv_nsec) / 1000;
  responder.Reply(protocol::Encode(response));
}

void AnswerChange(const wire::Call& call, wire::Responder responder) {
  protocol::ServiceChangeRequest request;
  if (!protocol::Decode(call.request.payload, request) || !IsUnitWord(request.unit) ||
      std::ranges::find(kVerbs, request.verb) == std::end(kVerbs)) {
    return responder.Fail(wire::Code::kInvalidArgument, "malformed ServiceChangeRequest");
  }
  const auto output =
      sys::Run({"systemctl", request.verb, request.unit}, {.timeout = kChangeLimit});
  if (!output) return responder.Fail(wire::Code::kUnavailable, output.error().ToString());
  responder.Reply(protocol::Encode(protocol::ServiceChangeResponse{
      static_cast<std::uint32_t>(output->status), output->out + output->err}));
}

void Refuse(const wire::Call&, wire::Responder responder) {
  responder.Fail(wire::Code::kPermissionDenied,
                 "the guest's definition does not let the host change services: it needs debug = "
                 "true or [control] exec = true");
}

}  // namespace

std::vector<Service> ParseServices(std::string_view show) {
  std::vector<Service> services;
  protocol::ForEachUnitBlock(show, [&](const protocol::UnitFields& fields) {
    Service service;
    for (const auto& [property, value] : fields) {
      const auto* key = std::ranges::find(kKeys, property, &Key::property);
      if (key == std::end(kKeys)) continue;
      if (key->text != nullptr) service.*key->text = value;
      if (key->number != nullptr) service.*key->number = static_cast<std::uint32_t>(Number(value));
      if (key->large != nullptr) service.*key->large = Number(value);
      if (key->property == "CPUUsageNSec") service.cpu_us /= 1000;
    }
    if (!service.name.empty()) services.push_back(std::move(service));
  });
  std::ranges::sort(services, {}, &Service::name);
  return services;
}

std::vector<wire::Method> ServiceMethods(bool allowed) {
  using Run = wire::Method::Run;
  return {{protocol::kServicesService, "List", Run::kWorker, AnswerList},
          {protocol::kServicesService, "Change", Run::kWorker, allowed ? AnswerChange : Refuse}};
}

}  // namespace inro::guest::control

#include "vmm/host/log_otlp.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace inro::vmm {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;
using std::chrono::milliseconds;

// SeverityNumber of the log data model: TRACE 1, DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21.
int Severity(const LogEntry& entry) {
  if (entry.level == "TRCE") return 1;
  constexpr int kByPriority[] = {24, 22, 21, 17, 13, 10, 9, 5};
  return kByPriority[std::clamp(entry.priority, 0, 7)];
}

Json Attribute(const std::string& key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

Json Number(const std::string& key, std::uint64_t value) {
  // 64-bit integers are strings in the JSON encoding of protobuf.
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

Json RecordOf(const LogEntry& entry) {
  Json attributes = Json::array();
  if (!entry.unit.empty()) attributes.push_back(Attribute("systemd.unit", entry.unit));
  if (!entry.identifier.empty()) {
    attributes.push_back(Attribute("syslog.identifier", entry.identifier));
  }
  attributes.push_back(Attribute("log.source", entry.source));
  if (entry.pid != 0) attributes.push_back(Number("process.pid", entry.pid));
  if (entry.seq != 0) attributes.push_back(Number("log.seq", entry.seq));
  for (const auto& [key, value] : entry.fields) attributes.push_back(Attribute(key, value));
  return {{"timeUnixNano", std::to_string(entry.time_us * 1000)},
          {"observedTimeUnixNano", std::to_string(entry.time_us * 1000)},
          {"severityNumber", Severity(entry)},
          {"severityText", entry.level},
          {"body", {{"stringValue", entry.message}}},
          {"attributes", attributes}};
}

}  // namespace

std::string EncodeOtlpLogs(const std::string& guest, std::span<const LogEntry> entries) {
  Json records = Json::array();
  for (const LogEntry& entry : entries) records.push_back(RecordOf(entry));
  Json scope_logs;
  scope_logs["scope"] = {{"name", "inro.logs"}, {"version", INRO_VERSION}};
  scope_logs["logRecords"] = std::move(records);
  Json resource_logs;
  resource_logs["resource"]["attributes"] =
      Json::array({Attribute("service.name", "inro-guest"), Attribute("host.name", guest)});
  resource_logs["scopeLogs"] = Json::array({std::move(scope_logs)});
  Json body;
  body["resourceLogs"] = Json::array({std::move(resource_logs)});
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> OtlpLogUrl(const std::string& url) { return OtlpUrl(url, "/v1/logs"); }

struct OtlpLogExporter::State {
  std::string url;
  OtlpLogOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<LogEntry> queue;  // under mutex, as all below
  bool ending = false;
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  std::uint64_t dropped_said = 0;
  std::thread thread;

  void Say(std::string_view text) const {
    if (options.note) options.note(text);
  }
  void SayDrops() {
    std::uint64_t count = 0;
    {
      const std::lock_guard lock(mutex);
      count = dropped - dropped_said;
      dropped_said = dropped;
    }
    if (count > 0) Say(fmt::format("{} records dropped: {} takes too few", count, url));
  }
  // Waits for a batch; empty at the end.
  std::vector<LogEntry> NextBatch() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return ending || !queue.empty(); });
    changed.wait_for(lock, options.gather,
                     [this] { return ending || queue.size() >= options.batch; });
    const std::size_t count = std::min(queue.size(), options.batch);
    std::vector<LogEntry> batch(std::make_move_iterator(queue.begin()),
                                std::make_move_iterator(queue.begin() + static_cast<long>(count)));
    queue.erase(queue.begin(), queue.begin() + static_cast<long>(count));
    return batch;
  }
  void Run();
  bool SendBatch(const std::vector<LogEntry>& batch);
  Clock::time_point end_by = Clock::time_point::max();
};

// False when the time for the end is over.
bool OtlpLogExporter::State::SendBatch(const std::vector<LogEntry>& batch) {
  const std::string body = EncodeOtlpLogs(options.guest, batch);
  milliseconds wait = options.retry_first;
  bool said = false;
  while (true) {
    const Result<long> status = PostOtlp(url, "application/json", body, options.limits, [this] {
      const std::lock_guard ask(mutex);
      return ending && Clock::now() >= end_by;
    });
    const std::string why =
        status ? fmt::format("it answered {}", *status) : status.error().ToString();
    std::unique_lock lock(mutex);
    if (status && *status >= 200 && *status < 300) {
      sent += batch.size();
      lock.unlock();
      if (said) Say(fmt::format("{} answers again", url));
      return true;
    }
    if (status && !IsWorthAnotherTry(*status)) {
      dropped += batch.size();
      dropped_said += batch.size();
      lock.unlock();
      Say(fmt::format("{} records dropped: {} refused them: {}", batch.size(), url, why));
      return true;
    }
    if (ending && Clock::now() + milliseconds(200) > end_by) {
      dropped += batch.size() + queue.size();
      queue.clear();
      return false;
    }
    if (!said) {
      lock.unlock();
      Say(fmt::format("cannot send to {}: {}; trying again", url, why));
      lock.lock();
      said = true;
    }
    // At the end there is no time for long pauses.
    if (ending) {
      lock.unlock();
      std::this_thread::sleep_for(std::min(wait, milliseconds(200)));
    } else {
      changed.wait_for(lock, wait, [this] { return ending; });
    }
    wait = std::min(wait * 2, options.retry_most);
  }
}

void OtlpLogExporter::State::Run() {
  while (true) {
    const std::vector<LogEntry> batch = NextBatch();
    SayDrops();
    if (batch.empty()) return;
    if (!SendBatch(batch)) break;
  }
  SayDrops();
}

OtlpLogExporter::OtlpLogExporter(std::string url, OtlpLogOptions options)
    : state_(std::make_unique<State>()) {
  PrepareOtlpPosts();
  state_->url = std::move(url);
  state_->options = std::move(options);
  state_->thread = std::thread([this] { state_->Run(); });
}

OtlpLogExporter::~OtlpLogExporter() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
    state_->end_by = Clock::now() + state_->options.end_limit;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void OtlpLogExporter::Add(LogEntry entry) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->queue.size() >= state_->options.queue) {
      ++state_->dropped;
      return;
    }
    state_->queue.push_back(std::move(entry));
  }
  state_->changed.notify_one();
}

std::uint64_t OtlpLogExporter::sent() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sent;
}

std::uint64_t OtlpLogExporter::dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

}  // namespace inro::vmm

#include "vmm/host/trace_sinks.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

}  // namespace

Result<std::string> OtlpTraceUrl(const std::string& url) {
  return OtlpUrl(url, protocol::kTracePath);
}

TraceForwardSink::TraceForwardSink(std::string url, TraceForwardOptions options)
    : url_(std::move(url)), options_(std::move(options)) {
  PrepareOtlpPosts();
  thread_ = std::thread([this] { Run(); });
}

TraceForwardSink::~TraceForwardSink() { End(options_.end_limit); }

void TraceForwardSink::EndBy(Clock::time_point when) {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    end_by_ = std::min(end_by_, when);
  }
  changed_.notify_all();
}

void TraceForwardSink::End(milliseconds limit, const std::stop_token& stop) {
  if (!thread_.joinable()) return;
  EndBy(Clock::now() + limit);
  const std::stop_callback hurry(stop, [this] { EndBy(Clock::now()); });
  thread_.join();
}

bool TraceForwardSink::IsOver() const {
  const std::lock_guard lock(mutex_);
  return ending_ && Clock::now() >= end_by_;
}

bool TraceForwardSink::HasRoom() const {
  const std::lock_guard lock(mutex_);
  return !ending_ && queue_bytes_ < options_.queue_bytes;
}

bool TraceForwardSink::Take(const protocol::ExportTraceRequest& request) {
  std::string body = protocol::Encode(request);
  const std::lock_guard lock(mutex_);
  if (ending_ || queue_bytes_ >= options_.queue_bytes) return false;
  queue_bytes_ += body.size();
  queue_.push_back(std::move(body));
  changed_.notify_all();
  return true;
}

std::uint64_t TraceForwardSink::sent() const {
  const std::lock_guard lock(mutex_);
  return sent_;
}

std::uint64_t TraceForwardSink::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void TraceForwardSink::Note(const std::string& text) const {
  if (options_.note) options_.note(text);
}

void TraceForwardSink::Run() {
  while (true) {
    std::string body;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      body = queue_.front();
    }
    const bool go_on = SendOne(body);
    const std::lock_guard lock(mutex_);
    if (!go_on) {
      refused_ += queue_.size();
      return;
    }
    queue_bytes_ -= queue_.front().size();
    queue_.pop_front();
  }
}

bool TraceForwardSink::SendOne(const std::string& body) {
  milliseconds pause = options_.first_pause;
  bool said = false;
  while (true) {
    const Result<long> status = PostOtlp(url_, "application/x-protobuf", body, options_.limits,
                                         [this] { return IsOver(); });
    const bool good = status && *status >= 200 && *status < 300;
    const bool again = !status || IsWorthAnotherTry(*status);
    const std::string why =
        status ? fmt::format("it answered {}", *status) : status.error().ToString();
    if (good || !again) {
      {
        const std::lock_guard lock(mutex_);
        ++(good ? sent_ : refused_);
      }
      if (!good) Note(fmt::format("{} refuses spans: {}", url_, why));
      if (good && said) Note(fmt::format("{} answers again", url_));
      return true;
    }
    if (!std::exchange(said, true)) {
      Note(fmt::format("cannot send to {}: {}; trying again", url_, why));
    }
    std::unique_lock lock(mutex_);
    if (ending_ && Clock::now() + options_.first_pause > end_by_) {
      lock.unlock();
      Note(fmt::format("spans left unsent: {} does not take them: {}", url_, why));
      return false;
    }
    if (ending_) {
      lock.unlock();
      std::this_thread::sleep_for(options_.first_pause);
    } else {
      changed_.wait_for(lock, pause, [this] { return ending_; });
    }
    pause = std::min(pause * 2, options_.longest_pause);
  }
}

}  // namespace inro::vmm

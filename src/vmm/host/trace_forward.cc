#include <curl/curl.h>

#include "vmm/host/trace_sinks.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::size_t Swallow(char*, std::size_t size, std::size_t count, void*) { return size * count; }

// libcurl asks at least once a second.
int AbortIf(void* is_over, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const std::function<bool()>*>(is_over))() ? 1 : 0;
}

}  // namespace

Result<std::string> OtlpTraceUrl(const std::string& url) {
  const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  if (scheme == 0 || url.size() == scheme) {
    return FailAs(ErrorKind::kBadInput,
                  "--otlp: \"{}\" is no URL of a collector (http://localhost:4318)", url);
  }
  const std::size_t path = url.find('/', scheme);
  if (path == std::string::npos) return url + std::string(protocol::kTracePath);
  if (path + 1 == url.size()) return url + std::string(protocol::kTracePath.substr(1));
  return url;
}

TraceForwardSink::TraceForwardSink(std::string url, TraceForwardOptions options)
    : url_(std::move(url)), options_(std::move(options)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
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

// The HTTP status, or an error when there was none.
Result<long> TraceForwardSink::Post(const std::string& body) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (!curl) return Fail("cannot make a request");
  // No "Expect: 100-continue": a collector that stalls would hold it up.
  curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/x-protobuf");
  list = curl_slist_append(list, "Expect:");
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            curl_slist_free_all);
  std::function<bool()> is_over = [this] { return IsOver(); };
  curl_easy_setopt(curl.get(), CURLOPT_URL, url_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_limit.count()));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS,
                   static_cast<long>(options_.request_limit.count()));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Swallow);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &AbortIf);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &is_over);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_ABORTED_BY_CALLBACK) return Fail("it did not answer in time");
  if (code != CURLE_OK) return Fail("{}", curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool TraceForwardSink::SendOne(const std::string& body) {
  milliseconds pause = options_.first_pause;
  bool said = false;
  while (true) {
    const Result<long> status = Post(body);
    const bool good = status && *status >= 200 && *status < 300;
    const bool again =
        !status || *status == 429 || *status == 502 || *status == 503 || *status == 504;
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

// `inro logs`.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "verbs.h"
#include "vmm/host/guest_address.h"
#include "vmm/host/log_entry.h"
#include "vmm/host/log_filter.h"
#include "vmm/host/log_otlp.h"
#include "vmm/host/log_stream.h"

namespace inro::cli {
namespace {

using vmm::LogEntry;

std::uint64_t NowUs() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// Where wanted records go.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Result<> Put(const LogEntry& entry) = 0;
  virtual Result<> End() { return {}; }
};

class TextSink final : public Sink {
 public:
  TextSink(vmm::LogStyle style, bool colour) : style_(style), colour_(colour) {}
  Result<> Put(const LogEntry& entry) override {
    return Print(vmm::FormatLogEntry(entry, style_, colour_));
  }

 private:
  vmm::LogStyle style_;
  bool colour_;
};

// A line for each record, as the guest wrote it.
class JsonLinesSink final : public Sink {
 public:
  Result<> Put(const LogEntry& entry) override {
    const auto json = nlohmann::json::parse(entry.line, nullptr, false);
    if (json.is_object()) return Print(entry.line + "\n");
    return Print(nlohmann::json({{"msg", entry.line}})
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                 "\n");
  }
};

// One document.
class JsonSink final : public Sink {
 public:
  explicit JsonSink(std::string guest) { document_["guest"] = std::move(guest); }
  Result<> Put(const LogEntry& entry) override {
    auto json = nlohmann::json::parse(entry.line, nullptr, false);
    if (!json.is_object()) json = {{"msg", entry.line}};
    lost_ += entry.lost;
    records_.push_back(std::move(json));
    return {};
  }
  Result<> End() override {
    document_["schema"] = "inro-logs/1";
    document_["lost"] = lost_;
    document_["records"] = std::move(records_);
    return Print(document_.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }

 private:
  nlohmann::json document_;
  nlohmann::json records_ = nlohmann::json::array();
  std::uint64_t lost_ = 0;
};

class OtlpSink final : public Sink {
 public:
  OtlpSink(std::string url, std::string guest, std::function<void(std::string_view)> note)
      : exporter_(std::move(url), {.guest = std::move(guest), .note = std::move(note)}) {}
  Result<> Put(const LogEntry& entry) override {
    exporter_.Add(entry);
    return {};
  }

 private:
  vmm::OtlpLogExporter exporter_;
};

class LogsVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"GUEST", {}, &guest_, "Name of a guest, vsock://CID, or a hybrid socket's path", {}, true},
        {"-f,--follow", {}, &follow_, "Go on with new records until Ctrl-C (what it does anyway)"},
        {"--no-follow", {}, &no_follow_, "Stop after the records that are kept"},
        {"-n,--lines", "N", &lines_, "Begin with the last N of the kept records (default: all)"},
        {"-u,--unit",
         "UNIT",
         &words_.units,
         "Only of this unit; may have * and ?",
         {},
         false,
         "Filters"},
        {"--source",
         "SOURCE",
         &words_.sources,
         "Only from here: kernel, syslog, journal, stdout, agent, logs",
         {},
         false,
         "Filters"},
        {"-l,--level",
         "LEVEL",
         &words_.level,
         "This severe and more: error, warning, info, debug",
         {},
         false,
         "Filters"},
        {"-S,--since",
         "TIME",
         &words_.since,
         "Not older: 30s, 10m, 2h, 1d, or a time",
         {},
         false,
         "Filters"},
        {"-g,--grep", "REGEX", &words_.grep, "Whose message matches", {}, false, "Filters"},
        {"--format",
         "FORMAT",
         &format_,
         "text, short, or json (a document; a line each when it follows)",
         {"text", "short", "json"}},
        {"--otlp", "URL", &otlp_,
         "Send them to a collector by OTLP/HTTP instead (http://localhost:4318)"},
    };
  }

  Result<int> Run(Session& session) override {
    if (follow_ && no_follow_) {
      return FailAs(ErrorKind::kBadInput, "--follow and --no-follow exclude each other");
    }
    INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(guest_));
    INRO_ASSIGN(const vmm::LogFilter filter, vmm::LogFilter::Create(words_, NowUs()));
    INRO_ASSIGN(const std::unique_ptr<Sink> sink, MakeSink(guest));

    std::atomic<bool> stop = false;
    sys::Interrupt::Registration on_interrupt;
    if (session.interrupt != nullptr) {
      on_interrupt = session.interrupt->On([&] {
        stop = true;
        return sys::InterruptOutcome::kEndsByItself;
      });
    }
    vmm::LogStreamOptions options;
    options.follow = !no_follow_;
    options.stop = [&] { return stop.load(); };
    options.exists = [&] { return vmm::FindGuest(guest_).has_value(); };
    vmm::LogStream stream(
        [&](std::uint32_t port, std::chrono::milliseconds limit) {
          return vmm::ConnectGuest(guest, port, limit);
        },
        std::move(options));

    // With --lines, what is kept is read first: only then it is known which are its last.
    Tail tail{.most = lines_};
    Result<> put;
    const auto give = [&](const LogEntry& entry) {
      if (put) put = sink->Put(entry);
      if (!put) stop = true;
    };
    if (lines_ && !no_follow_) INRO_TRY(GatherTail(guest, filter, tail, stop));
    for (const LogEntry& entry : tail.entries) give(entry);
    const std::uint64_t shown_seq = tail.last_seq;
    const bool gather = lines_ && no_follow_;
    const auto ran = stream.Run(
        [&](std::string_view line) {
          const LogEntry entry = vmm::ParseLogEntry(line);
          if (shown_seq != 0 && entry.seq != 0 && entry.seq <= shown_seq) return;
          if (!filter.Wants(entry)) return;
          if (gather) {
            tail.Add(entry);
          } else {
            give(entry);
          }
        },
        Note);
    if (gather) {
      for (const LogEntry& entry : tail.entries) give(entry);
    }
    INRO_TRY(put);
    INRO_TRY(sink->End());
    INRO_TRY(ran);
    const bool interrupted = session.interrupt != nullptr && session.interrupt->requested();
    return interrupted ? 130 : 0;
  }

 private:
  struct Tail {
    std::optional<std::uint64_t> most;
    std::deque<LogEntry> entries;
    std::uint64_t last_seq = 0;
    void Add(const LogEntry& entry) {
      entries.push_back(entry);
      if (entries.size() > *most) entries.pop_front();
    }
  };

  static void Note(std::string_view what) {
    std::fprintf(stderr, "inro: %.*s\n", static_cast<int>(what.size()), what.data());
  }

  // Reads what is kept, to know its last lines.
  static Result<> GatherTail(const vmm::GuestAddress& guest, const vmm::LogFilter& filter,
                             Tail& tail, const std::atomic<bool>& stop) {
    vmm::LogStreamOptions options;
    options.follow = false;
    options.stop = [&stop] { return stop.load(); };
    vmm::LogStream kept(
        [&](std::uint32_t port, std::chrono::milliseconds limit) {
          return vmm::ConnectGuest(guest, port, limit);
        },
        std::move(options));
    return kept.Run(
        [&](std::string_view line) {
          const LogEntry entry = vmm::ParseLogEntry(line);
          tail.last_seq = std::max(tail.last_seq, entry.seq);
          if (filter.Wants(entry)) tail.Add(entry);
        },
        [](std::string_view) {});
  }

  Result<std::unique_ptr<Sink>> MakeSink(const vmm::GuestAddress& guest) const {
    if (!otlp_.empty()) {
      INRO_ASSIGN(std::string url, vmm::OtlpLogUrl(otlp_));
      return std::make_unique<OtlpSink>(std::move(url), guest.ToString(), Note);
    }
    if (format_ == "json") {
      if (no_follow_) return std::make_unique<JsonSink>(guest.ToString());
      return std::make_unique<JsonLinesSink>();
    }
    const vmm::LogStyle style = format_ == "short" ? vmm::LogStyle::kShort : vmm::LogStyle::kText;
    return std::make_unique<TextSink>(style, ::isatty(STDOUT_FILENO) != 0);
  }

  std::string guest_;
  bool follow_ = false;
  bool no_follow_ = false;
  std::optional<std::uint64_t> lines_;
  vmm::LogFilterWords words_;
  std::string format_ = "text";
  std::string otlp_;
};

}  // namespace

std::unique_ptr<Verb> MakeLogsVerb() { return std::make_unique<LogsVerb>(); }

}  // namespace inro::cli

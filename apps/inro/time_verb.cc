// `inro time`: how a guest keeps its time.
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <nlohmann/json.hpp>

#include "sys/file.h"
#include "verbs.h"
#include "vmm/control/clock_state.h"
#include "vmm/control/control_call.h"
#include "vmm/host/offset_plot.h"

namespace inro::cli {
namespace {

constexpr std::chrono::seconds kLookInterval{2};

double Milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

std::string At(std::int64_t nanoseconds) {
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::string ReferenceText(const vmm::ClockState& state) {
  if (state.reference == "host") {
    return state.host_synchronised ? "the host's clock over vsock"
                                   : "the host's clock over vsock (itself not synchronised)";
  }
  if (state.reference == "ptp_kvm") return "the host's clock by /dev/ptp0";
  return "none";
}

std::string Text(const std::string& guest, const vmm::ClockState& state) {
  std::string text = fmt::format("{}: {}\n", guest, state.state);
  text += fmt::format("reference   {}\n", ReferenceText(state));
  if (!state.problem.empty()) text += fmt::format("problem     {}\n", state.problem);
  if (state.offset_ns) {
    text += fmt::format("offset      {:+.3f} ms, round trip {:.3f} ms\n",
                        Milliseconds(*state.offset_ns), Milliseconds(state.round_trip_ns));
  }
  text += fmt::format("steps       {}", state.steps);
  if (state.steps > 0) {
    text += fmt::format("; the last by {:+.3f} s, at {}",
                        static_cast<double>(state.last_step_ns) / 1e9, At(state.last_step_at_ns));
  }
  text += fmt::format("\nreadings    {}; reference lost {} times; role started {} times\n",
                      state.readings, state.losses, state.starts);
  if (!state.chrony_running) return text + "chrony      does not run\n";
  text += fmt::format("chrony      fed by {}",
                      state.chrony_fed_by == "clock" ? "role clock" : "a device of its own");
  if (!state.tracking) return text + "; does not answer\n";
  const vmm::ChronyTracking& tracking = *state.tracking;
  if (!tracking.synchronised) return text + "; not synchronised yet\n";
  return text + fmt::format(
                    "; synchronised to {}, stratum {}\n"
                    "            system time {:+.3f} ms, rms {:.3f} ms, frequency {:+.3f} ppm "
                    "(skew {:.3f})\n",
                    tracking.reference, tracking.stratum, tracking.offset_s * 1e3,
                    tracking.rms_offset_s * 1e3, tracking.frequency_ppm, tracking.skew_ppm);
}

// A wait that the user can end.
class Pause {
 public:
  explicit Pause(sys::Interrupt* interrupt) {
    if (interrupt == nullptr) return;
    registration_ = interrupt->On([this] {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
      return sys::InterruptOutcome::kEndsByItself;
    });
  }
  // False when the user has had enough.
  bool For(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return ended_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  sys::Interrupt::Registration registration_;
};

class TimeVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"GUEST", "", &guest_, "Name of a guest, vsock://CID, or a hybrid socket", {}, true},
        {"-w,--watch", "", &watch_, "A line for each new measurement, until Ctrl-C"},
        {"--for", "SECONDS", &seconds_, "How long to watch"},
        {"--plot", "FILE", &plots_,
         "Write what was watched as a picture: FILE.html, FILE.svg or FILE.txt; - prints it; may "
         "be given several times"},
        {"--format", "", &format_, "How to print it", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    if ((!plots_.empty() || seconds_) && !watch_) {
      return FailAs(ErrorKind::kBadInput, "--for and --plot go with --watch");
    }
    if (watch_ && format_ == "json") {
      return FailAs(ErrorKind::kBadInput, "--watch prints lines, not one document");
    }
    INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(guest_));
    INRO_ASSIGN(const auto control, vmm::ConnectControl(guest));
    if (watch_) return Watch(session, *control);
    INRO_ASSIGN(const std::string json, vmm::AskClockState(*control));
    INRO_ASSIGN(const vmm::ClockState state, vmm::ParseClockState(json));
    if (format_ == "json") {
      nlohmann::ordered_json document = {{"schema", "inro-time/1"}, {"guest", guest_}};
      document.update(nlohmann::ordered_json::parse(json));
      INRO_TRY(Print(document.dump(2) + "\n"));
    } else {
      INRO_TRY(Print(Text(guest_, state)));
    }
    return state.state == "synchronised" ? 0 : 1;
  }

 private:
  Result<int> Watch(Session& session, wire::Client& control) {
    Pause pause(session.interrupt);
    std::vector<vmm::OffsetPoint> points;
    std::optional<std::int64_t> last;
    const auto began = std::chrono::steady_clock::now();
    while (true) {
      INRO_ASSIGN(const std::string json, vmm::AskClockState(control));
      INRO_ASSIGN(const vmm::ClockState state, vmm::ParseClockState(json));
      const std::chrono::duration<double> since = std::chrono::steady_clock::now() - began;
      if (state.offset_ns && state.measured_at_ns != last) {
        last = state.measured_at_ns;
        points.push_back({since.count(), static_cast<double>(*state.offset_ns) / 1e3,
                          static_cast<double>(state.round_trip_ns) / 1e3});
        INRO_TRY(Print(fmt::format("{:8.1f} s  offset {:+10.3f} ms  round trip {:8.3f} ms  {}\n",
                                   since.count(), Milliseconds(*state.offset_ns),
                                   Milliseconds(state.round_trip_ns), state.reference)));
      } else if (!state.offset_ns) {
        INRO_TRY(
            Print(fmt::format("{:8.1f} s  {}: {}\n", since.count(), state.state, state.problem)));
      }
      if (seconds_ && since.count() >= static_cast<double>(*seconds_)) break;
      if (!pause.For(kLookInterval)) break;
    }
    const std::string title = fmt::format("Offset of guest {} to its host", guest_);
    for (const std::string& file : plots_) {
      if (file == "-") {
        INRO_TRY(Print(vmm::OffsetPlotText(points, title)));
      } else {
        INRO_TRY(sys::WriteFile(file, Picture(file, points, title)));
      }
    }
    return 0;
  }

  static std::string Picture(std::string_view file, const std::vector<vmm::OffsetPoint>& points,
                             std::string_view title) {
    if (file.ends_with(".svg")) return vmm::OffsetPlotSvg(points, title);
    if (file.ends_with(".txt")) return vmm::OffsetPlotText(points, title);
    return vmm::OffsetPlotHtml(points, title);
  }

  std::string guest_;
  bool watch_ = false;
  std::optional<std::uint64_t> seconds_;
  std::vector<std::string> plots_;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeTimeVerb() { return std::make_unique<TimeVerb>(); }

}  // namespace inro::cli

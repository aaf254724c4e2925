#include "inro_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace inro::boot_test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr char kProgram[] = INRO_BINARY_DIR "/inro";

// Far beyond any case: only for guests that would otherwise outlive a test that was killed.
constexpr char kLifeLimit[] = "600";
constexpr char kReadyLimit[] = "200";

}  // namespace

bool Eventually(const std::function<bool()>& holds, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(100));
  }
  return true;
}

bool Lives(pid_t pid) {
  const std::string stat = sys::ReadFile(fmt::format("/proc/{}/stat", pid)).value_or("");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.size() > name_end + 2 && stat[name_end + 2] != 'Z';
}

Result<Beside> Beside::Start(const std::vector<std::string>& argv,
                             const std::vector<std::string>& environment, const std::string& log) {
  INRO_ASSIGN(const UniqueFd out, sys::Open(log, O_WRONLY | O_CREAT | O_APPEND));
  std::vector<std::string> words = {"env"};
  words.insert(words.end(), environment.begin(), environment.end());
  words.insert(words.end(), argv.begin(), argv.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("fork for {}", argv[0]);
  if (pid == 0) {
    ::setpgid(0, 0);
    ::dup2(out.get(), 1);
    ::dup2(out.get(), 2);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  return Beside(pid);
}

Beside::~Beside() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // before it had its group
  ::waitpid(pid_, nullptr, 0);
}

void Beside::Signal(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

Result<int> Beside::Wait(milliseconds limit) {
  int status = 0;
  if (!Eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) {
    return FailAs(ErrorKind::kTimeout, "process {} runs on", pid_);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void InroProgram::SetUp() {
  auto folder = sys::TempDir::Create("inro-life");
  ASSERT_TRUE(folder) << folder.error().ToString();
  folder_ = std::make_unique<sys::TempDir>(std::move(*folder));
  for (const char* name : {"/run", "/state", "/cache", "/config", "/data"}) {
    ASSERT_TRUE(sys::MakeDirectories(folder_->path() + name));
  }
  ASSERT_EQ(::chmod((folder_->path() + "/run").c_str(), 0700), 0);
}

void InroProgram::TearDown() {
  if (!folder_) return;
  const sys::RunOutput stopped = Inro({"stop", "--all", "--force"});
  EXPECT_EQ(stopped.status, 0) << stopped.err;
  for (const pid_t pid : started_) {
    EXPECT_TRUE(Eventually([&] { return !Lives(pid); })) << "process " << pid << " is left";
  }
}

std::vector<std::string> InroProgram::Environment() const {
  return {"XDG_RUNTIME_DIR=" + folder() + "/run",  "XDG_STATE_HOME=" + folder() + "/state",
          "XDG_CACHE_HOME=" + folder() + "/cache", "XDG_CONFIG_HOME=" + folder() + "/config",
          "XDG_DATA_HOME=" + folder() + "/data",   "HOME=" + folder()};
}

sys::RunOutput InroProgram::Inro(const std::vector<std::string>& words) {
  std::vector<std::string> argv = {kProgram};
  argv.insert(argv.end(), words.begin(), words.end());
  sys::RunOptions options;
  options.environment = Environment();
  options.timeout = milliseconds(240'000);
  auto output = sys::Run(argv, options);
  EXPECT_TRUE(output) << fmt::format("{}", fmt::join(words, " ")) << ": "
                      << output.error().ToString();
  return output ? std::move(*output) : sys::RunOutput{.status = -1, .out = {}, .err = {}};
}

std::string InroProgram::Done(const std::vector<std::string>& words) {
  sys::RunOutput output = Inro(words);
  EXPECT_EQ(output.status, 0) << fmt::format("{}", fmt::join(words, " ")) << "\n"
                              << output.out << output.err;
  return std::move(output.out);
}

nlohmann::json InroProgram::Json(std::vector<std::string> words) {
  words.insert(words.end(), {"--format", "json"});
  const sys::RunOutput output = Inro(words);
  auto document = nlohmann::json::parse(output.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << fmt::format("{}", fmt::join(words, " ")) << "\n"
                                        << output.out << output.err;
  return document;
}

void InroProgram::BootDetached(const GuestSpec& spec, const image::Variant& variant,
                               const std::string& name, const std::vector<std::string>& words) {
  const auto build = BuildOnce(spec);
  if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
  ASSERT_TRUE(build) << build.error().ToString();
  const auto artifact = build->Path(variant);
  ASSERT_TRUE(artifact) << artifact.error().ToString();
  std::vector<std::string> boot = {"boot",         *artifact,  "--detach",  "--name",   name,
                                   "--time-limit", kLifeLimit, "--timeout", kReadyLimit};
  for (const std::string& word : words) boot.insert(boot.end(), {"--append", word});
  const sys::RunOutput booted = Inro(boot);
  ASSERT_EQ(booted.status, 0)
      << booted.err << "\n"
      << sys::ReadFile(folder() + "/state/inro/guests/" + name + "/console.log").value_or("");
  EXPECT_EQ(booted.out, name + "\n");
  const nlohmann::json guest = Listed(name);
  ASSERT_TRUE(guest.is_object());
  for (const char* key : {"pid", "qemu_pid"}) {
    started_.push_back(guest.at(key).get<pid_t>());
    EXPECT_TRUE(Lives(started_.back())) << key;
  }
}

nlohmann::json InroProgram::Listed(const std::string& name) {
  const nlohmann::json document = Json({"ps"});
  if (!document.is_object()) return nullptr;
  for (const nlohmann::json& guest : document.at("guests")) {
    if (guest.at("name") == name) return guest;
  }
  return nullptr;
}

std::string InroProgram::Shell(const std::string& guest, const std::string& script) {
  return Done({"exec", guest, "--", "sh", "-c", script});
}

}  // namespace inro::boot_test

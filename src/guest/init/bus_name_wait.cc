#include "guest/init/bus_name_wait.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/unique_fd.h"

namespace inro::guest {
namespace {

constexpr std::string_view kBus = "org.freedesktop.DBus";
constexpr std::size_t kMaxMessage = 1 << 20;
constexpr char kCall = 1;
constexpr char kReturn = 2;
constexpr char kFailure = 3;
constexpr char kSignal = 4;
enum Field : char { kPath = 1, kInterface, kMember, kErrorName, kReplySerial, kDestination };
constexpr char kSignatureField = 8;

// Writes values at their natural alignment.
class Writer {
 public:
  void Align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
  void Byte(char value) { bytes_ += value; }
  void Number(std::uint32_t value) {
    Align(4);
    for (int i = 0; i < 4; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }
  void Text(std::string_view text) {
    Number(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
    bytes_ += '\0';
  }
  void Signature(std::string_view text) {
    bytes_ += static_cast<char>(text.size());
    bytes_ += text;
    bytes_ += '\0';
  }
  void Header(char code, char type, std::string_view text) {
    Align(8);
    Byte(code);
    Signature(std::string_view(&type, 1));
    type == 'g' ? Signature(text) : Text(text);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string MethodCall(std::uint32_t serial, std::string_view member,
                       std::optional<std::string_view> argument) {
  Writer fields;
  fields.Header(kPath, 'o', "/org/freedesktop/DBus");
  fields.Header(kInterface, 's', kBus);
  fields.Header(kMember, 's', member);
  fields.Header(kDestination, 's', kBus);
  if (argument) fields.Header(kSignatureField, 'g', "s");
  Writer body;
  if (argument) body.Text(*argument);
  Writer message;
  for (const char c : {'l', kCall, '\0', '\1'}) message.Byte(c);
  message.Number(static_cast<std::uint32_t>(body.bytes().size()));
  message.Number(serial);
  message.Number(static_cast<std::uint32_t>(fields.bytes().size()));
  // The fields begin at 16, which suits every alignment.
  std::string bytes = message.bytes() + fields.bytes();
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes + body.bytes();
}

// Reads what Writer writes; nullopt past the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}
  void Align(std::size_t to) { at_ = (at_ + to - 1) / to * to; }
  std::optional<char> Byte() {
    if (at_ >= bytes_.size()) return std::nullopt;
    return bytes_[at_++];
  }
  std::optional<std::uint32_t> Number() {
    Align(4);
    if (at_ > bytes_.size() || bytes_.size() - at_ < 4) return std::nullopt;
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      value |= std::uint32_t{static_cast<unsigned char>(bytes_[at_++])} << (8 * i);
    }
    return value;
  }
  std::optional<std::string_view> Text() {
    const auto size = Number();
    return size ? Take(*size) : std::nullopt;
  }
  std::optional<std::string_view> Signature() {
    const auto size = Byte();
    return size ? Take(static_cast<unsigned char>(*size)) : std::nullopt;
  }
  std::size_t at() const { return at_; }

 private:
  std::optional<std::string_view> Take(std::size_t size) {
    if (at_ > bytes_.size() || bytes_.size() - at_ <= size) return std::nullopt;
    const std::string_view text = bytes_.substr(at_, size);
    at_ += size + 1;
    return text;
  }
  std::string_view bytes_;
  std::size_t at_;
};

Result<> SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return FailErrno("write to the bus");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<> ReceiveMore(int fd, std::string& bytes) {
  char part[4096];
  ssize_t size = 0;
  do {
    size = ::recv(fd, part, sizeof part, 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return FailErrno("read from the bus");
  if (size == 0) return Fail("the bus has hung up");
  bytes.append(part, static_cast<std::size_t>(size));
  return {};
}

Result<> WaitForName(const std::string& name, BusNameState wanted) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, kSystemBus);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("connect to {}", kSystemBus);
  }
  return WaitForBusNameOn(fd.get(), name, wanted);
}

}  // namespace

Result<std::size_t> BusMessageSize(std::string_view bytes) {
  Reader reader(bytes, 4);
  const auto body = reader.Number();
  const auto serial = reader.Number();
  const auto fields = reader.Number();
  if (!body || !serial || !fields || bytes[0] != 'l') return Fail("no message of the bus");
  if (*body > kMaxMessage || *fields > kMaxMessage) return Fail("a message that is too long");
  const std::size_t begin = (std::size_t{16} + *fields + 7) / 8 * 8;
  return begin + *body;
}

Result<BusMessage> ParseBusMessage(std::string_view bytes) {
  if (bytes.size() < 16) return Fail("no message of the bus");
  INRO_ASSIGN(const std::size_t size, BusMessageSize(bytes));
  if (bytes.size() < size) return Fail("a message that is cut off");
  BusMessage message;
  const char type = bytes[1];
  std::string_view member, interface, signature;
  Reader reader(bytes.substr(0, size), 12);
  const std::size_t end = 16 + *reader.Number();
  while (reader.at() < end) {
    reader.Align(8);
    const auto code = reader.Byte();
    const auto kind = reader.Signature();
    if (!code || !kind) return Fail("a header of a message is cut off");
    if (*kind == "u") {
      const auto value = reader.Number();
      if (!value) return Fail("a header of a message is cut off");
      if (*code == kReplySerial) message.reply_to = *value;
      continue;
    }
    if (*kind != "s" && *kind != "o" && *kind != "g") return Fail("a header of unknown type");
    const auto value = *kind == "g" ? reader.Signature() : reader.Text();
    if (!value) return Fail("a header of a message is cut off");
    if (*code == kMember) member = *value;
    if (*code == kInterface) interface = *value;
    if (*code == kSignatureField) signature = *value;
  }
  Reader body(bytes.substr(0, size), (end + 7) / 8 * 8);
  if (type == kFailure) message.kind = BusMessage::Kind::kError;
  if (type == kReturn) {
    message.kind = BusMessage::Kind::kReply;
    if (signature == "b") message.yes = body.Number().value_or(0) == 1;
  }
  if (type == kSignal && interface == kBus && member == "NameOwnerChanged" && signature == "sss") {
    const auto name = body.Text();
    const auto before = body.Text();
    const auto now = body.Text();
    if (!name || !before || !now) return Fail("NameOwnerChanged is cut off");
    message.kind = BusMessage::Kind::kOwnerChanged;
    message.name = *name;
    message.has_owner = !now->empty();
  }
  return message;
}

Result<> WaitForBusNameOn(int fd, std::string_view name, BusNameState wanted) {
  const bool owned = wanted == BusNameState::kOwned;
  // The user's number as text, in hexadecimal digits of its characters.
  std::string hello(1, '\0');
  hello += "AUTH EXTERNAL ";
  for (const char digit : std::to_string(::geteuid())) hello += fmt::format("{:02x}", digit);
  INRO_TRY(SendAll(fd, hello + "\r\n"));
  std::string input;
  while (input.find("\r\n") == std::string::npos) {
    if (input.size() > 4096) return Fail("the bus talks too much");
    INRO_TRY(ReceiveMore(fd, input));
  }
  if (!input.starts_with("OK ")) return Fail("the bus refuses: {}", input.substr(0, 40));
  input.erase(0, input.find("\r\n") + 2);
  constexpr std::uint32_t kMatchSerial = 2;
  constexpr std::uint32_t kOwnerSerial = 3;
  const std::string rule =
      fmt::format("type='signal',sender='{0}',interface='{0}',member='NameOwnerChanged',arg0='{1}'",
                  kBus, name);
  // First the watch, then the question: a name that comes in between is not missed.
  INRO_TRY(SendAll(fd, "BEGIN\r\n" + MethodCall(1, "Hello", {}) +
                           MethodCall(kMatchSerial, "AddMatch", rule) +
                           MethodCall(kOwnerSerial, "NameHasOwner", name)));
  while (true) {
    while (input.size() >= 16) {
      INRO_ASSIGN(const std::size_t size, BusMessageSize(input));
      if (input.size() < size) break;
      INRO_ASSIGN(const BusMessage message, ParseBusMessage(input));
      input.erase(0, size);
      switch (message.kind) {
        case BusMessage::Kind::kError:
          return Fail("the bus refuses to answer");
        case BusMessage::Kind::kReply:
          if (message.reply_to == kOwnerSerial && message.yes == owned) return {};
          break;
        case BusMessage::Kind::kOwnerChanged:
          if (message.name == name && message.has_owner == owned) return {};
          break;
        case BusMessage::Kind::kOther:
          break;
      }
    }
    INRO_TRY(ReceiveMore(fd, input));
  }
}

Result<pid_t> BeginBusNameWait(const std::string& name, BusNameState wanted, KernelLog& log) {
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("start a process to wait for {}", name);
  if (pid > 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // One that waits for years must not keep the sockets of services open.
  const int kept = log.descriptor();
  if (kept > 3) ::syscall(SYS_close_range, 3U, static_cast<unsigned>(kept - 1), 0U);
  ::syscall(SYS_close_range, static_cast<unsigned>(std::max(kept + 1, 3)), ~0U, 0U);
  const Result<> done = WaitForName(name, wanted);
  if (!done) log.Error("wait for {}: {}", name, done.error().ToString());
  ::_exit(done ? 0 : 1);
}

}  // namespace inro::guest

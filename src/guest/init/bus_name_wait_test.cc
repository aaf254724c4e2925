#include "guest/init/bus_name_wait.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/unique_fd.h"

namespace inro::guest {
namespace {

void Put(std::string& out, std::uint32_t value) {
  while (out.size() % 4 != 0) out += '\0';
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
}
void PutText(std::string& out, std::string_view text) {
  Put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
  out += '\0';
}
std::string Message(char type, std::string fields, const std::string& body) {
  std::string out{'l', type, '\0', '\1'};
  Put(out, static_cast<std::uint32_t>(body.size()));
  Put(out, 7);
  Put(out, static_cast<std::uint32_t>(fields.size()));
  out += fields;
  while (out.size() % 8 != 0) out += '\0';
  return out + body;
}
std::string Reply(std::uint32_t to, bool yes) {
  std::string fields("\5\1u\0", 4);
  Put(fields, to);
  fields += std::string("\10\1g\0\1b\0", 7);
  std::string body;
  Put(body, yes ? 1 : 0);
  return Message(2, fields, body);
}
std::string OwnerChanged(std::string_view name, std::string_view owner) {
  std::string fields("\2\1s\0", 4);
  PutText(fields, "org.freedesktop.DBus");
  while (fields.size() % 8 != 0) fields += '\0';
  fields += std::string("\3\1s\0", 4);
  PutText(fields, "NameOwnerChanged");
  while (fields.size() % 8 != 0) fields += '\0';
  fields += std::string("\10\1g\0\3sss\0", 9);
  std::string body;
  PutText(body, name);
  PutText(body, "");
  PutText(body, owner);
  return Message(4, fields, body);
}

// Runs the child's part against a bus that says `messages` after the greeting.
Result<> Wait(const std::string& greeting, const std::string& messages, std::string& heard,
              BusNameState wanted = BusNameState::kOwned) {
  int fds[2] = {};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  UniqueFd ours(fds[0]);
  const UniqueFd theirs(fds[1]);
  std::thread bus([&] {
    char text[4096];
    const ssize_t size = ::read(ours.get(), text, sizeof text);
    heard.assign(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    EXPECT_GT(::write(ours.get(), greeting.data(), greeting.size()), 0);
    // In pieces, as a stream may come.
    for (const char c : messages) EXPECT_EQ(::write(ours.get(), &c, 1), 1);
    ::shutdown(ours.get(), SHUT_WR);
  });
  const auto done = WaitForBusNameOn(theirs.get(), "org.example", wanted);
  bus.join();
  return done;
}

TEST(BusNameWaitTest, ANameThatIsOwnedOrComesToBe) {
  std::string heard;
  EXPECT_TRUE(Wait("OK 1234\r\n", Reply(1, false) + Reply(3, true), heard));
  EXPECT_TRUE(heard.starts_with(std::string("\0AUTH EXTERNAL ", 15)));
  const auto done = Wait(
      "OK 1234\r\n",
      Reply(3, false) + OwnerChanged("org.other", ":1.4") + OwnerChanged("org.example", ":1.5"),
      heard);
  EXPECT_TRUE(done) << done.error().ToString();
}

TEST(BusNameWaitTest, NothingElseCounts) {
  std::string heard;
  // Another reply, an owner that goes, another name: then the bus hangs up.
  EXPECT_FALSE(Wait("OK 1234\r\n",
                    Reply(2, true) + Reply(3, false) + OwnerChanged("org.example", "") +
                        OwnerChanged("org.other", ":1.5"),
                    heard));
  EXPECT_FALSE(Wait("REJECTED EXTERNAL\r\n", "", heard));
  EXPECT_FALSE(Wait("OK 1\r\n", Message(3, "", ""), heard));
  EXPECT_FALSE(Wait("OK 1\r\n", std::string(64, '\xff'), heard));
}

TEST(BusNameWaitTest, ANameThatIsFreeOrGoes) {
  std::string heard;
  EXPECT_TRUE(Wait("OK 1234\r\n", Reply(3, false), heard, BusNameState::kFree));
  const std::string owned = Reply(3, true) + OwnerChanged("org.other", "");
  EXPECT_TRUE(
      Wait("OK 1234\r\n", owned + OwnerChanged("org.example", ""), heard, BusNameState::kFree));
  // A new owner is one; a bus that hangs up has not said that the name is free.
  EXPECT_FALSE(
      Wait("OK 1234\r\n", owned + OwnerChanged("org.example", ":1.7"), heard, BusNameState::kFree));
}

TEST(BusNameWaitTest, CutMessagesAreErrors) {
  const std::string whole = OwnerChanged("org.example", ":1.5");
  const auto parsed = ParseBusMessage(whole);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->kind, BusMessage::Kind::kOwnerChanged);
  EXPECT_EQ(parsed->name, "org.example");
  EXPECT_TRUE(parsed->has_owner);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseBusMessage(whole.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace inro::guest

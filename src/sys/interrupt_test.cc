#include "sys/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace inro::sys {
namespace {

using std::chrono::milliseconds;

void WaitForTheEnd() {
  std::this_thread::sleep_for(milliseconds(60'000));
  ::_exit(7);
}

TEST(InterruptDeathTest, EndsWith130AfterTheActions) {
  EXPECT_EXIT(
      {
        auto interrupt = Interrupt::Install();
        auto first = (*interrupt)->On([] {
          [[maybe_unused]] auto n = ::write(2, "first", 5);
          return InterruptOutcome::kContinue;
        });
        auto second = (*interrupt)->On([] {
          [[maybe_unused]] auto n = ::write(2, "second ", 7);
          return InterruptOutcome::kContinue;
        });
        ::kill(::getpid(), SIGINT);
        WaitForTheEnd();
      },
      testing::ExitedWithCode(130), "second first");
}

TEST(InterruptDeathTest, AnActionCanLeaveTheEndToTheProgram) {
  EXPECT_EXIT(
      {
        auto interrupt = Interrupt::Install();
        auto action = (*interrupt)->On([] { return InterruptOutcome::kEndsByItself; });
        ::kill(::getpid(), SIGTERM);
        while (!(*interrupt)->requested()) std::this_thread::sleep_for(milliseconds(1));
        ::_exit(3);
      },
      testing::ExitedWithCode(3), "");
}

TEST(InterruptDeathTest, TheSecondSignalDoesNotWait) {
  EXPECT_EXIT(
      {
        auto interrupt = Interrupt::Install();
        auto action = (*interrupt)->On([] { return InterruptOutcome::kEndsByItself; });
        ::kill(::getpid(), SIGINT);
        while (!(*interrupt)->requested()) std::this_thread::sleep_for(milliseconds(1));
        ::kill(::getpid(), SIGINT);
        WaitForTheEnd();
      },
      testing::ExitedWithCode(130), "");
}

TEST(InterruptDeathTest, AGoneRegistrationDoesNothing) {
  EXPECT_EXIT(
      {
        auto interrupt = Interrupt::Install();
        {
          auto action = (*interrupt)->On([] { return InterruptOutcome::kEndsByItself; });
        }
        ::kill(::getpid(), SIGINT);
        WaitForTheEnd();
      },
      testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace inro::sys

// A venue of QuickFIX alone: an acceptor over plain TCP with a memory store, no log, no signature, no book. Each order
// is answered as new, each cancel as canceled.
#include <quickfix/Application.h>
#include <quickfix/FixFields.h>
#include <quickfix/FixValues.h>
#include <quickfix/MessageStore.h>
#include <quickfix/Session.h>
#include <quickfix/SocketAcceptor.h>
#include <quickfix/ThreadedSocketAcceptor.h>
#include <quickfix/fix44/ExecutionReport.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <unistd.h>

namespace {

class Venue : public FIX::Application {
 public:
  void onCreate(const FIX::SessionID&) override {}
  // Looked up once: `sendToTarget` does it for each message.
  void onLogon(const FIX::SessionID& id) override { session_ = FIX::Session::lookupSession(id); }
  void onLogout(const FIX::SessionID&) override {}
  void toAdmin(FIX::Message&, const FIX::SessionID&) override {}
  void toApp(FIX::Message&, const FIX::SessionID&) throw(FIX::DoNotSend) override {}
  void fromAdmin(const FIX::Message&, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {}
  void fromApp(const FIX::Message& message, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
      FIX::UnsupportedMessageType) override {
    const bool cancels = message.getHeader().getField(FIX::FIELD::MsgType) == "F";
    const std::string id = std::to_string(++ids_);
    const char state = cancels ? FIX::OrdStatus_CANCELED : FIX::OrdStatus_NEW;
    const char side = message.getField(FIX::FIELD::Side)[0];
    FIX44::ExecutionReport report{FIX::OrderID{id},       FIX::ExecID{id}, FIX::ExecType{state},
                                  FIX::OrdStatus{state},  FIX::Side{side}, FIX::LeavesQty{0},
                                  FIX::CumQty{0},         FIX::AvgPx{0}};
    // What Sealgate's report says too.
    for (const int tag : {11, 55, 38, 40, 44, 59, 41}) {
      if (message.isSetField(tag)) report.setField(tag, message.getField(tag));
    }
    report.setField(FIX::TransactTime());
    session_->send(report);
  }

 private:
  FIX::Session* session_ = nullptr;
  unsigned long ids_ = 0;
};

std::string settings(int port, const char* dictionary) {
  std::ostringstream out;
  out << "[DEFAULT]\nConnectionType=acceptor\nSocketAcceptPort=" << port
      << "\nSocketReuseAddress=Y\nSocketNodelay=Y\nStartTime=00:00:00\nEndTime=00:00:00\nCheckLatency=N\n"
         "ResetOnLogon=Y\nUseDataDictionary="
      << (*dictionary ? "Y" : "N") << "\n";
  if (*dictionary) out << "DataDictionary=" << dictionary << "\n";
  out << "[SESSION]\nBeginString=FIX.4.4\nSenderCompID=SEALGATE\nTargetCompID=ALICE\n";
  return out.str();
}

}  // namespace

// Serves until the process is killed. `how`: "threaded", "socket" or "spin". Returns only where it cannot start.
extern "C" int quickfix_serve(int port, const char* how, const char* dictionary) {
  try {
    std::istringstream text(settings(port, dictionary));
    const FIX::SessionSettings parsed(text);
    Venue venue;
    FIX::MemoryStoreFactory stores;
    std::unique_ptr<FIX::Acceptor> acceptor;
    if (std::strcmp(how, "threaded") == 0) {
      acceptor.reset(new FIX::ThreadedSocketAcceptor(venue, stores, parsed));
    } else {
      acceptor.reset(new FIX::SocketAcceptor(venue, stores, parsed));
    }
    if (std::strcmp(how, "spin") == 0) {
      // Its own way to be polled without rest.
      while (acceptor->poll(0)) {
      }
      return 1;
    }
    acceptor->start();
    for (;;) pause();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quickfix: %s\n", error.what());
    return 1;
  }
}

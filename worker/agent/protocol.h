// What the worker says on its link and does when spoken to.
#ifndef UNDERSTUDY_WORKER_AGENT_PROTOCOL_H
#define UNDERSTUDY_WORKER_AGENT_PROTOCOL_H

#include "agent/state.h"

// Connects to the configuration's controller, for as long as the Agent's Wire lives.
int protocol_connect(Agent *agent, Error *error) _must_use_;

// Tells the controller that a task is in the journal. Without a link, the next Hello does.
void protocol_accept(const WorkerTask *task);

#endif

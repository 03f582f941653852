// Settings of a series that is served, for tests of the steps that serve it.
#ifndef UNDERSTUDY_TESTS_STEPS_SERVING_H
#define UNDERSTUDY_TESTS_STEPS_SERVING_H

#include "run.h"

typedef struct FakeServing {
        Fleet__Serving serving;
        Fleet__Front prod, preview;
        char *prod_hosts[1], *preview_hosts[1];
} FakeServing;

static inline void fake_serving(FakeServing *s)
{
        *s = (FakeServing){
                .prod_hosts = {"lino.example.com"}, .preview_hosts = {"preview.example.com"}};
        fleet__serving__init(&s->serving);
        fleet__front__init(&s->prod);
        fleet__front__init(&s->preview);
        s->prod.hosts = s->prod_hosts;
        s->preview.hosts = s->preview_hosts;
        s->prod.n_hosts = s->preview.n_hosts = 1;
        s->serving.prod = &s->prod;
        s->serving.preview = &s->preview;
        s->serving.series = "mdg";
        s->serving.manager = "command";
        s->serving.program = "%s-%r";
        s->serving.linod = "linod_%s";
        s->serving.web = "nginx";
        s->serving.listen = "127.0.0.1:1"; // where nobody is
        s->serving.health_path = "/";
        s->serving.health_seconds = 5;
        s->serving.drain_seconds = 5;
}

#endif

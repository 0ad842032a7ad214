// The header in C++: what is a constant is one, and a lambda is a function.
#include <greenstd.h>

static gs_mutex mutex = GS_MUTEX_INIT;
static gs_cond condition = GS_COND_INIT;
static gs_semaphore semaphore = GS_SEMAPHORE_INIT;

struct Locked {
    Locked() { gs_mutex_lock(&mutex); }
    ~Locked() { gs_mutex_unlock(&mutex); }
};

int main()
{
    gs_config config = GS_CONFIG_INIT;
    gs_attributes attributes = GS_ATTRIBUTES_INIT;
    gs_runtime *runtime = nullptr;
    config.flags = GS_DETECT_DEADLOCKS | GS_OWN_THREAD_LOCALS;
    attributes.name = "main";
    if (gs_runtime_create(&config, &runtime) != 0)
        return 1;
    void *result = nullptr;
    gs_thread thread = 0;
    auto body = [](void *argument) -> void * {
        Locked locked;
        gs_cond_signal(&condition);
        gs_semaphore_post(&semaphore);
        return argument;
    };
    gs_spawn(runtime, &attributes, body, nullptr, &thread);
    gs_join(thread, &result);
    return result == GS_CANCELED || gs_runtime_destroy(runtime) != 0;
}

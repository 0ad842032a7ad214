/** The version of this interface: functions are added, and never changed. */
#define GS_ABI_VERSION 1

/** What gs_join finds as the result of a green thread that was killed before it had started. */
#define GS_CANCELED ((void *)-1)

/** The defaults. What follows the size is zero. */
#define GS_CONFIG_INIT {sizeof(gs_config), 0, 0, NULL, 0, 0}
#define GS_ATTRIBUTES_INIT {sizeof(gs_attributes), 0, 0, NULL, 0}

/** A free mutex, a condition for which nobody waits, a semaphore without permits. */
#define GS_MUTEX_INIT {NULL}
#define GS_COND_INIT {NULL}
#define GS_SEMAPHORE_INIT {NULL}

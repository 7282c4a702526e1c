SELECT pgmask.detach_all();

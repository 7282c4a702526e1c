SELECT object, what FROM pgmask.attach_all();

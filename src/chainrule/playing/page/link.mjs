// The address that brings back the page's state: `#s=` and the settings and view in it.

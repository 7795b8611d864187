// Each script is checked as a module that exports what its define() returns.
declare const module: { exports: any };

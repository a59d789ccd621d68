import { walkSuite } from "./walk-suite.ts";

walkSuite(0);

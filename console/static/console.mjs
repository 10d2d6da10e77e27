import "./live.mjs";
import "./dead.mjs";

// Roles of MongoDB, with what the programs of the service send and nothing else. A test compares
// them with that. Run it as an administrator; it may be repeated:
//
//   MONGO_DB=… MONGO_COLLECTION=… REBUILD_INTO=… mongosh "$ADMIN_URI" --file deploy/mongo/roles.js
//
// The variables are those of the service; REBUILD_INTO is what rebuild --into will name. Then give
// each program a user of its own, in the same database:
//
//   db.createUser({user: "worker", pwd: passwordPrompt(), roles: ["ingestion-worker"]})

// The text between the brackets is JSON, apart from comments.
const roles = [
  // The worker finds documents to tell duplicates from its own, and never changes or deletes one.
  // createIndex is for MONGO_INDEXES=on.
  {
    "role": "ingestion-worker",
    "privileges": [
      {"resource": {"db": "$DB", "collection": "$COLLECTION"}, "actions": ["find", "insert", "createIndex"]}
    ]
  },
  // ingestctl rebuild writes a collection beside the live one, which it only reads, and its state
  // in another. dropCollection is for --restart, and createCollection and createIndex make it like
  // the live one, whose options and indexes it lists.
  {
    "role": "ingestion-rebuild",
    "privileges": [
      {"resource": {"db": "$DB", "collection": ""}, "actions": ["listCollections"]},
      {"resource": {"db": "$DB", "collection": "$COLLECTION"}, "actions": ["find", "listIndexes"]},
      {"resource": {"db": "$DB", "collection": "$INTO"}, "actions": ["find", "insert", "createCollection", "createIndex", "dropCollection"]},
      {"resource": {"db": "$DB", "collection": "$INTO.rebuild"}, "actions": ["find", "insert", "update"]}
    ]
  },
  // The console, and the other commands of ingestctl: both read documents and the states of all
  // rebuilds, which are in collections of any name.
  {
    "role": "ingestion-viewer",
    "privileges": [
      {"resource": {"db": "$DB", "collection": ""}, "actions": ["find", "listCollections", "listIndexes"]}
    ]
  }
];

const names = {
  "$DB": process.env.MONGO_DB || "ingestion",
  "$COLLECTION": process.env.MONGO_COLLECTION || "customers",
  "$INTO": process.env.REBUILD_INTO || "customers_new",
};
const named = (text) => text.replace(/^\$[A-Z]+/, (word) => names[word]);

const database = db.getSiblingDB(names["$DB"]);
for (const { role, privileges } of roles) {
  for (const { resource } of privileges) {
    resource.db = named(resource.db);
    resource.collection = named(resource.collection);
  }
  if (database.getRole(role)) {
    database.updateRole(role, { privileges, roles: [] });
  } else {
    database.createRole({ role, privileges, roles: [] });
  }
  print("role " + role + " in " + names["$DB"]);
}

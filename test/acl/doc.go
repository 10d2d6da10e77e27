// Package acl runs every program as the user that deploy/redis/users.acl has for its role, and
// tries what each role must not do. It also compares the MongoDB commands of the programs with
// deploy/mongo/roles.js.
package acl

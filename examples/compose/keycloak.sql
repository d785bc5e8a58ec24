-- A database of its own for Keycloak, beside the gateway's.
CREATE DATABASE keycloak OWNER gateway;

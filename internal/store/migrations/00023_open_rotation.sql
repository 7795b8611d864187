-- +goose Up
-- One certificate of a connection is on its way at a time (RO-04).
CREATE UNIQUE INDEX certificates_open ON certificates (connection_id) WHERE state IN ('planned', 'uploading', 'uploaded', 'tested');

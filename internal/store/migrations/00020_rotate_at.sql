-- +goose Up
ALTER TABLE certificates ADD COLUMN rotate_at BIGINT NOT NULL DEFAULT 0; -- when it is due to be replaced by itself
-- The exact moment follows from the ID, which SQL cannot hash. Certificates from before this column wait for the last one possible:
-- 23 thirtieths of the life, but 61 days before the end when that is sooner, which is two thirds of a short life.
UPDATE certificates SET rotate_at = CASE
    WHEN valid_until - 5270400000 <= not_before + (valid_until - not_before) / 3 * 2 THEN not_before + (valid_until - not_before) / 3 * 2
    WHEN valid_until - 5270400000 <= not_before + (valid_until - not_before) / 30 * 23 THEN valid_until - 5270400000
    ELSE not_before + (valid_until - not_before) / 30 * 23
END;
CREATE INDEX certificates_rotate ON certificates (rotate_at) WHERE state = 'active';
CREATE INDEX certificates_retiring ON certificates (updated_at) WHERE state = 'retiring';

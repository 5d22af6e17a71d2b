-- Delete a job. ARGV: id.
delete(ARGV[1])

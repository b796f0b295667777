"""Feature: `/gaps`, questions without a good answer, and who is told once there is one."""

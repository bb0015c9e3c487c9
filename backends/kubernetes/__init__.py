"""What the targets whose tasks are pods share: settings, pods, containers, names, and YAML."""

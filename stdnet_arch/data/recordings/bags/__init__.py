"""Files that hold messages or tracks of several sensors: ROS bags, Azure Kinect."""

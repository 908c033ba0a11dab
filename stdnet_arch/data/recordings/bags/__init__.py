"""Files that hold messages or tracks of several sensors: RealSense, ROS bags, Azure Kinect."""
